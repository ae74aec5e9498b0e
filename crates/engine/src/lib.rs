//! Models: runtimes behind one small trait, cards, and the decoders of output tensors.

#[cfg(any(feature = "litert", feature = "tflitec"))]
mod arena;
mod batch;
mod card;
mod coverage;
mod decode;
mod error;
mod file;
mod flatbuffer;
mod flexbuffer;
mod input;
#[cfg(feature = "litert")]
mod litert;
mod metadata;
mod model;
mod output;
mod runs;
mod runtime;
mod runtime_error;
mod stub;
#[cfg(feature = "tflitec")]
mod tflitec;

use ocellus_image::{Dtype, Placement};
use ocellus_runtime::RunState;

pub use batch::{Batched, MAX_BATCH};
pub use card::{Embedding, ModelCard, ModelSource, RuntimeSettings, Task};
pub use coverage::Coverage;
pub use decode::{ClassMap, ClassProbability, Values};
pub use error::{EngineError, Misfits};
pub use file::FileError;
pub use model::Model;
pub use output::{Label, MAX_EMBEDDING, MAX_FINDINGS, Prediction, PredictionSink, Predictions, Value};
pub use runs::FAILED_IN_A_ROW;
pub use runtime::Runtime;
pub use runtime_error::RuntimeError;
pub use stub::StubError;

/// One input or output tensor of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorInfo {
    /// The name in the file.
    pub name: String,
    /// Size of each dimension, batch first.
    pub shape: Vec<usize>,
    /// Type of the elements.
    pub dtype: Dtype,
    /// Quantisation: real = scale × (stored − zero_point); scale 0 where not quantised.
    pub scale: f32,
    /// The stored value that means zero.
    pub zero_point: i32,
}

impl TensorInfo {
    /// Number of elements: the product of all dimensions.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements, which a checked model does not allow.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the whole tensor.
    pub fn bytes(&self) -> usize {
        self.len() * self.dtype.bytes()
    }
}

/// The runtime refused to run a model.
#[derive(Debug, thiserror::Error)]
#[error("model {model}: {cause}")]
pub struct RunError {
    /// The model's name in the configuration.
    pub model: String,
    /// What the runtime refuses.
    pub cause: RuntimeError,
}

/// A model ready to run on one thread. Not shared: N workers hold N sessions.
pub trait Session: Send {
    /// The input tensors, in the file's order.
    fn inputs(&self) -> &[TensorInfo];
    /// The output tensors, in the file's order.
    fn outputs(&self) -> &[TensorInfo];
    /// The bytes of input `index`, to be filled.
    fn input_mut(&mut self, index: usize) -> &mut [u8];
    /// Runs the model over the inputs. Allocates nothing once warm.
    fn run(&mut self) -> Result<(), RunError>;
    /// The bytes of output `index` after [`Session::run`].
    fn output(&self, index: usize) -> &[u8];
    /// What the runtime's delegate took of the model.
    fn coverage(&self) -> Coverage {
        Coverage::Unknown
    }
    /// What its last runs say about it; [`RunState::Unsure`] where they are not counted.
    fn run_state(&self) -> RunState {
        RunState::Unsure
    }
}

/// Turns a session's outputs into findings in frame px. Each worker has one, which allocates nothing once
/// warm.
pub trait Decode: Send {
    /// Reads `session`'s outputs and adds what they say to `output`, best first.
    /// `placement` is the place of the frame (or region) in the input tensor.
    fn decode(&mut self, session: &dyn Session, placement: &Placement, output: &mut dyn PredictionSink);

    /// The class of every tensor pixel after [`Decode::decode`]; only segmentation has one.
    fn class_map(&self) -> Option<ClassMap<'_>> {
        None
    }
}
