//! The same library search may find a classic TensorFlow Lite C library (a board's BSP): its interpreter.

use std::sync::Arc;

use edgefirst_tflite::{Interpreter, Library, Model};

use crate::engine::{RunError, Session, TensorInfo};

/// A model in the interpreter's hands; the crate keeps the bytes.
pub(crate) struct ClassicModel {
    lib: &'static Library,
    model: Model<'static>,
}

impl ClassicModel {
    /// Parses checked bytes.
    pub fn new(lib: &'static Library, bytes: Vec<u8>) -> Result<ClassicModel, String> {
        let model = Model::from_bytes(lib, bytes).map_err(|error| error.to_string())?;
        Ok(ClassicModel { lib, model })
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.model.data()
    }
}

/// Memory of one tensor inside the interpreter's arena.
struct Place {
    at: *mut u8,
    bytes: usize,
}

/// A session of the classic interpreter. The field order matters: the interpreter goes before its model.
pub(crate) struct ClassicSession {
    name: String,
    infos: [Vec<TensorInfo>; 2],
    interpreter: Interpreter<'static>,
    inputs: Vec<Place>,
    outputs: Vec<Place>,
    _model: Arc<ClassicModel>,
}

/// Builds a single-threaded interpreter.
pub(crate) fn classic(
    model: &Arc<ClassicModel>,
    name: &str,
    inputs: &[TensorInfo],
    outputs: &[TensorInfo],
) -> Result<ClassicSession, String> {
    let text = |error: edgefirst_tflite::Error| error.to_string();
    let builder = Interpreter::builder(model.lib).map_err(text)?.num_threads(1);
    let mut interpreter = builder.build(&model.model).map_err(text)?;
    // The arena is laid out by the build, output tensors that the graph sizes itself by a first run.
    interpreter.invoke().map_err(text)?;
    let mut places = [Vec::new(), Vec::new()];
    for tensor in &mut interpreter.inputs_mut().map_err(text)? {
        let bytes = tensor.as_bytes_mut().map_err(text)?;
        bytes.fill(0);
        places[0].push(Place { at: bytes.as_mut_ptr(), bytes: bytes.len() });
    }
    for tensor in &interpreter.outputs().map_err(text)? {
        let bytes = tensor.as_bytes().map_err(text)?;
        places[1].push(Place { at: bytes.as_ptr().cast_mut(), bytes: bytes.len() });
    }
    let infos = [inputs.to_vec(), outputs.to_vec()];
    for (place, info) in places.iter().flatten().zip(infos.iter().flatten()) {
        if place.bytes != info.bytes() {
            let (name, has, needs) = (&info.name, place.bytes, info.bytes());
            return Err(format!("tensor {name}: the runtime has {has} bytes where the file says {needs}"));
        }
    }
    let [inputs, outputs] = places;
    Ok(ClassicSession { name: name.into(), infos, interpreter, inputs, outputs, _model: model.clone() })
}

impl Session for ClassicSession {
    fn inputs(&self) -> &[TensorInfo] {
        &self.infos[0]
    }

    fn outputs(&self) -> &[TensorInfo] {
        &self.infos[1]
    }

    fn input_mut(&mut self, index: usize) -> &mut [u8] {
        let place = &self.inputs[index];
        // SAFETY: the arena is not laid out anew after `classic`, so the place holds; the session is
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
unsafe impl Send for ClassicSession {}
