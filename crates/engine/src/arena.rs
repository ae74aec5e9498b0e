//! A session over an interpreter's arena. All crates that wrap an interpreter share this handling of raw
//! memory.

use super::{Coverage, RunError, RuntimeError, Session, TensorInfo};

/// Runs the graph over what lies in the arena.
pub(crate) trait Invoke {
    /// Runs the graph. Errors: the message of the runtime.
    fn invoke(&mut self) -> Result<(), RuntimeError>;
}

/// Memory of one tensor inside the interpreter's arena.
pub(crate) struct TensorMemory {
    at: *mut u8,
    bytes: usize,
}

impl TensorMemory {
    /// The memory of the tensor that `info` describes. Errors: its size differs from the one in the file.
    ///
    /// # Safety
    /// `at` is valid for `bytes` bytes, reads and writes, for as long as the interpreter lives: its arena
    /// keeps its layout.
    pub unsafe fn new(at: *mut u8, bytes: usize, info: &TensorInfo) -> Result<TensorMemory, RuntimeError> {
        let needs = info.bytes();
        if bytes != needs {
            return Err(RuntimeError::TensorSize { tensor: info.name.clone(), has: bytes, needs });
        }
        Ok(TensorMemory { at, bytes })
    }
}

/// A session of the classic interpreter. `K` is what must outlive the interpreter, such as its model.
pub(crate) struct ArenaSession<I, K> {
    // The order matters: the interpreter is dropped before what it borrows.
    interpreter: I,
    _keeps: K,
    name: String,
    infos: [Vec<TensorInfo>; 2],
    inputs: Vec<TensorMemory>,
    outputs: Vec<TensorMemory>,
    coverage: Coverage,
}

impl<I: Invoke, K> ArenaSession<I, K> {
    /// Of an interpreter that has run once, so that every tensor has its place.
    pub fn new(
        (interpreter, keeps): (I, K),
        name: &str,
        (inputs, outputs): (&[TensorInfo], &[TensorInfo]),
        places: [Vec<TensorMemory>; 2],
    ) -> ArenaSession<I, K> {
        let infos = [inputs.to_vec(), outputs.to_vec()];
        let [inputs, outputs] = places;
        let (name, coverage) = (name.to_owned(), Coverage::Unknown);
        ArenaSession { interpreter, _keeps: keeps, name, infos, inputs, outputs, coverage }
    }

    /// The session with what a delegate took of its graph.
    #[cfg_attr(not(feature = "litert"), allow(dead_code, reason = "no other runtime takes delegates"))]
    pub fn with_coverage(self, coverage: Coverage) -> ArenaSession<I, K> {
        ArenaSession { coverage, ..self }
    }
}

impl<I: Invoke, K> Session for ArenaSession<I, K> {
    fn inputs(&self) -> &[TensorInfo] {
        &self.infos[0]
    }

    fn outputs(&self) -> &[TensorInfo] {
        &self.infos[1]
    }

    fn input_mut(&mut self, index: usize) -> &mut [u8] {
        let place = &self.inputs[index];
        // SAFETY: valid by the promise of `TensorMemory::new`; the session is borrowed exclusively, and nothing runs meanwhile.
        unsafe { std::slice::from_raw_parts_mut(place.at, place.bytes) }
    }

    fn run(&mut self) -> Result<(), RunError> {
        self.interpreter.invoke().map_err(|cause| RunError { model: self.name.clone(), cause })
    }

    fn output(&self, index: usize) -> &[u8] {
        let place = &self.outputs[index];
        // SAFETY: as in `input_mut`; running needs the session exclusively.
        unsafe { std::slice::from_raw_parts(place.at, place.bytes) }
    }

    fn coverage(&self) -> Coverage {
        self.coverage.clone()
    }
}

// SAFETY: the interpreters that are used here have no thread affinity, and only the session touches its arena.
unsafe impl<I, K> Send for ArenaSession<I, K> {}
