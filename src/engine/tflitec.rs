//! A board's own `libtensorflowlite_c`, linked at build time through the crate `tflitec`.

use std::sync::Arc;

use tflitec::interpreter::{Interpreter, Options};
use tflitec::model::Model;

use super::{RunError, Session, TensorInfo};

/// Memory of one tensor inside the interpreter's arena.
struct Place {
    at: *mut u8,
    bytes: usize,
}

/// A session of the linked library. The fields are in the order in which they must be dropped: the
/// interpreter borrows the model, which borrows the bytes.
pub(crate) struct TfLiteCSession {
    interpreter: Interpreter<'static>,
    _model: Box<Model<'static>>,
    _bytes: Arc<Vec<u8>>,
    name: String,
    infos: [Vec<TensorInfo>; 2],
    inputs: Vec<Place>,
    outputs: Vec<Place>,
}

/// An error of the crate, which does not show its type.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Builds a single-threaded interpreter over checked bytes.
pub(crate) fn session(
    bytes: &Arc<Vec<u8>>,
    name: &str,
    inputs: &[TensorInfo],
    outputs: &[TensorInfo],
) -> Result<TfLiteCSession, String> {
    // SAFETY: the session keeps an `Arc` of the bytes and drops it after the model.
    let borrowed: &'static [u8] = unsafe { std::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) };
    let model = Box::new(Model::from_bytes(borrowed).map_err(text)?);
    // SAFETY: the box keeps the model in its place; the session drops it after the interpreter.
    let held: &'static Model<'static> = unsafe { &*std::ptr::from_ref(&*model) };
    let options = Options { thread_count: 1 };
    let interpreter = Interpreter::new(held, Some(options)).map_err(text)?;
    interpreter.allocate_tensors().map_err(text)?;
    for i in 0..inputs.len() {
        let zeros = vec![0u8; interpreter.input(i).map_err(text)?.data::<u8>().len()];
        interpreter.copy(&zeros, i).map_err(text)?;
    }
    // Output tensors that the graph sizes itself have their place after a first run.
    interpreter.invoke().map_err(text)?;
    let infos = [inputs.to_vec(), outputs.to_vec()];
    let place = |tensor: tflitec::tensor::Tensor<'_>, info: &TensorInfo| -> Result<Place, String> {
        let data = tensor.data::<u8>();
        let (has, needs) = (data.len(), info.bytes());
        if has != needs {
            let name = &info.name;
            return Err(format!("tensor {name}: the runtime has {has} bytes where the file says {needs}"));
        }
        Ok(Place { at: data.as_ptr().cast_mut(), bytes: has })
    };
    let mut places = [Vec::new(), Vec::new()];
    for (i, info) in inputs.iter().enumerate() {
        places[0].push(place(interpreter.input(i).map_err(text)?, info)?);
    }
    for (i, info) in outputs.iter().enumerate() {
        places[1].push(place(interpreter.output(i).map_err(text)?, info)?);
    }
    let [inputs, outputs] = places;
    Ok(TfLiteCSession {
        interpreter,
        _model: model,
        _bytes: bytes.clone(),
        name: name.into(),
        infos,
        inputs,
        outputs,
    })
}

impl Session for TfLiteCSession {
    fn inputs(&self) -> &[TensorInfo] {
        &self.infos[0]
    }

    fn outputs(&self) -> &[TensorInfo] {
        &self.infos[1]
    }

    fn input_mut(&mut self, index: usize) -> &mut [u8] {
        let place = &self.inputs[index];
        // SAFETY: the arena is not laid out anew after `session`, so the place holds; this session is
        // borrowed exclusively, and nothing runs meanwhile.
        unsafe { std::slice::from_raw_parts_mut(place.at, place.bytes) }
    }

    fn run(&mut self) -> Result<(), RunError> {
        self.interpreter
            .invoke()
            .map_err(|error| RunError { model: self.name.clone(), cause: error.to_string() })
    }

    fn output(&self, index: usize) -> &[u8] {
        let place = &self.outputs[index];
        // SAFETY: as in `input_mut`; running needs the session exclusively.
        unsafe { std::slice::from_raw_parts(place.at, place.bytes) }
    }
}

// SAFETY: the interpreter has no thread affinity, and only this session touches its arena.
unsafe impl Send for TfLiteCSession {}
