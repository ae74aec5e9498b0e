//! Runs models with a classic TensorFlow Lite C library (such as a board's BSP), which the library search may
//! find.

use std::path::Path;
use std::sync::Arc;

use edgefirst_tflite::{Interpreter, Library, Model};

use super::{delegate, text};
use crate::arena::{ArenaSession, Invoke, TensorMemory};
use crate::{Coverage, RuntimeError, TensorInfo};

/// A model that the interpreter has parsed; the crate keeps the bytes.
pub(crate) struct ClassicModel {
    lib: &'static Library,
    model: Model<'static>,
}

impl ClassicModel {
    /// Gives bytes that were checked to the runtime's own parser.
    pub fn new(lib: &'static Library, bytes: Vec<u8>) -> Result<ClassicModel, RuntimeError> {
        let model = Model::from_bytes(lib, bytes).map_err(text)?;
        Ok(ClassicModel { lib, model })
    }

    /// The bytes of the model's file.
    pub fn bytes(&self) -> &[u8] {
        self.model.data()
    }
}

impl Invoke for Interpreter<'static> {
    fn invoke(&mut self) -> Result<(), RuntimeError> {
        Interpreter::invoke(self).map_err(text)
    }
}

/// Builds a single-threaded interpreter.
pub(crate) fn classic(
    model: &Arc<ClassicModel>,
    name: &str,
    inputs: &[TensorInfo],
    outputs: &[TensorInfo],
    library: Option<&Path>,
) -> Result<ArenaSession<Interpreter<'static>, Arc<ClassicModel>>, RuntimeError> {
    let (mut interpreter, coverage) = match library {
        None => {
            let builder = Interpreter::builder(model.lib).map_err(text)?.num_threads(1);
            (builder.build(&model.model).map_err(text)?, Coverage::Unknown)
        }
        Some(library) => delegate::build(model.lib, &model.model, library)?,
    };
    // The arena is laid out by the build, output tensors that the graph sizes itself by a first run.
    Interpreter::invoke(&mut interpreter).map_err(text)?;
    let mut places = [Vec::new(), Vec::new()];
    let mut tensors = interpreter.inputs_mut().map_err(text)?;
    for (tensor, info) in tensors.iter_mut().zip(inputs) {
        let bytes = tensor.as_bytes_mut().map_err(text)?;
        bytes.fill(0);
        // SAFETY: the arena keeps its layout from here on.
        places[0].push(unsafe { TensorMemory::new(bytes.as_mut_ptr(), bytes.len(), info) }?);
    }
    for (tensor, info) in interpreter.outputs().map_err(text)?.iter().zip(outputs) {
        let bytes = tensor.as_bytes().map_err(text)?;
        // SAFETY: as above.
        places[1].push(unsafe { TensorMemory::new(bytes.as_ptr().cast_mut(), bytes.len(), info) }?);
    }
    let session = ArenaSession::new((interpreter, model.clone()), name, (inputs, outputs), places);
    Ok(session.with_coverage(coverage))
}
