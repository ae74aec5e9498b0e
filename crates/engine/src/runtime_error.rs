//! What a runtime, or the loader of its library, says when it refuses.

/// Why a runtime cannot be opened, refuses a model, or does not run it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// A library that was opened is not one of those that run models.
    #[error("it is no runtime: it lacks both {symbol} and TfLiteInterpreterCreate")]
    NoRuntime {
        /// The first symbol of LiteRT that the library lacks.
        symbol: String,
    },
    /// A call of the C API returned another status than success.
    #[error("{call}: {status}")]
    Status {
        /// The function that was called.
        call: &'static str,
        /// The runtime's words for the status.
        status: String,
    },
    /// A call of the C API succeeded without a result.
    #[error("{call} gave nothing")]
    Nothing {
        /// The function that was called.
        call: &'static str,
    },
    /// The runtime lays out a tensor in another size than the file says.
    #[error("tensor {tensor}: the runtime has {has} bytes where the file says {needs}")]
    TensorSize {
        /// The tensor's name in the file.
        tensor: String,
        /// Size that the runtime uses, bytes.
        has: usize,
        /// Size according to the file, bytes.
        needs: usize,
    },
    /// The runtime allocated less memory than a tensor needs.
    #[error("tensor {tensor}: the runtime gives {gives} bytes where {needs} are needed")]
    BufferSize {
        /// The tensor's name in the file.
        tensor: String,
        /// Size of the buffer, bytes.
        gives: usize,
        /// Size of the tensor, bytes.
        needs: usize,
    },
    /// The runtime allocated no memory for a tensor.
    #[error("tensor {tensor}, {bytes} bytes: {cause}")]
    NoBuffer {
        /// The tensor's name in the file.
        tensor: String,
        /// Size that was asked for, bytes.
        bytes: usize,
        /// The answer of the runtime.
        cause: Box<RuntimeError>,
    },
    /// The runtime refused a model, and named the reason in its log.
    #[error("{cause}{log}")]
    Logged {
        /// The answer of the runtime.
        cause: Box<RuntimeError>,
        /// The ERROR lines of the runtime since, each behind `; `; empty where it wrote none.
        log: String,
    },
    /// The library of a delegate cannot be used.
    #[error("the delegate {} cannot be used: {cause}", .library.display())]
    Delegate {
        /// The delegate's shared library.
        library: std::path::PathBuf,
        /// What the loader, the delegate or the runtime says.
        cause: Box<RuntimeError>,
    },
    /// The text of an error whose type says no more, or of the dynamic loader.
    #[error("{0}")]
    Message(String),
}

impl From<String> for RuntimeError {
    fn from(text: String) -> RuntimeError {
        RuntimeError::Message(text)
    }
}

impl From<&str> for RuntimeError {
    fn from(text: &str) -> RuntimeError {
        RuntimeError::Message(text.to_owned())
    }
}
