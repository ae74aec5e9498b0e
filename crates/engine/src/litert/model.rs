//! A model that LiteRT has parsed: shared by its sessions, freed with the last of them.

use std::sync::Arc;

use edgefirst_tflite_sys::litert as ffi;

use crate::{RuntimeError, Session, TensorInfo};

use super::session::LiteRtSession;
use super::{Environment, check};

/// A parsed model. The runtime reads the flatbuffer in place on every run, so the bytes stay.
pub(crate) struct LiteRtModel {
    pub(super) ptr: ffi::Model,
    pub(super) env: Arc<Environment>,
    bytes: Vec<u8>,
}

impl LiteRtModel {
    /// Gives bytes that were checked to the runtime's own parser.
    pub fn new(env: Arc<Environment>, bytes: Vec<u8>) -> Result<LiteRtModel, RuntimeError> {
        let mut ptr = std::ptr::null_mut();
        // SAFETY: the bytes are kept unmoved on the heap until the model is destroyed, as the call demands.
        let status = unsafe {
            (env.fns.create_model_from_buffer)(env.ptr, bytes.as_ptr().cast(), bytes.len(), &mut ptr)
        };
        check("LiteRtCreateModelFromBuffer", status)?;
        if ptr.is_null() {
            return Err(RuntimeError::Nothing { call: "LiteRtCreateModelFromBuffer" });
        }
        Ok(LiteRtModel { ptr, env, bytes })
    }

    /// The bytes of the model's file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Compiles a session for one thread and runs it once: only then does the runtime lay out its tensors,
    /// and says what it lacks.
    pub fn session(
        self: &Arc<Self>,
        name: &str,
        inputs: &[TensorInfo],
        outputs: &[TensorInfo],
    ) -> Result<LiteRtSession, RuntimeError> {
        let (session, log) = self.env.stderr.capture(|| {
            let mut session = LiteRtSession::new(self.clone(), name, inputs, outputs)?;
            session.run().map_err(|error| error.cause)?;
            Ok(session)
        });
        session.map_err(|cause: RuntimeError| RuntimeError::Logged { cause: Box::new(cause), log })
    }
}

impl Drop for LiteRtModel {
    fn drop(&mut self) {
        // SAFETY: created in `new`, destroyed once; every session holds an `Arc` of this model.
        unsafe { (self.env.fns.destroy_model)(self.ptr) };
    }
}

// SAFETY: an opaque handle without thread affinity; after creation the model is only read.
unsafe impl Send for LiteRtModel {}
// SAFETY: as above.
unsafe impl Sync for LiteRtModel {}
