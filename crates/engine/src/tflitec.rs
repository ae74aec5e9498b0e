//! A board's own `libtensorflowlite_c`, linked at build time through the crate `tflitec`.

use std::sync::Arc;

use tflitec::interpreter::{Interpreter, Options};
use tflitec::model::Model;
use tflitec::tensor::Tensor;

use super::arena::{ArenaSession, Invoke, TensorMemory};
use super::{RuntimeError, TensorInfo};

impl Invoke for Interpreter<'static> {
    fn invoke(&mut self) -> Result<(), RuntimeError> {
        Interpreter::invoke(self).map_err(text)
    }
}

/// What the interpreter borrows, in the order in which it must be dropped: the model borrows the bytes.
pub(crate) struct BorrowedModel {
    _model: Box<Model<'static>>,
    _bytes: Arc<Vec<u8>>,
}

/// An error of the crate, which does not show its type.
fn text(error: impl std::fmt::Display) -> RuntimeError {
    RuntimeError::Message(error.to_string())
}

/// Builds a single-threaded interpreter over checked bytes.
pub(crate) fn session(
    bytes: &Arc<Vec<u8>>,
    name: &str,
    inputs: &[TensorInfo],
    outputs: &[TensorInfo],
) -> Result<ArenaSession<Interpreter<'static>, BorrowedModel>, RuntimeError> {
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
    Interpreter::invoke(&interpreter).map_err(text)?;
    let mut places = [Vec::new(), Vec::new()];
    for (i, info) in inputs.iter().enumerate() {
        places[0].push(place(&interpreter.input(i).map_err(text)?, info)?);
    }
    for (i, info) in outputs.iter().enumerate() {
        places[1].push(place(&interpreter.output(i).map_err(text)?, info)?);
    }
    let keeps = BorrowedModel { _model: model, _bytes: bytes.clone() };
    Ok(ArenaSession::new((interpreter, keeps), name, (inputs, outputs), places))
}

fn place(tensor: &Tensor<'_>, info: &TensorInfo) -> Result<TensorMemory, RuntimeError> {
    let data = tensor.data::<u8>();
    // SAFETY: the arena keeps its layout after the first run.
    unsafe { TensorMemory::new(data.as_ptr().cast_mut(), data.len(), info) }
}
