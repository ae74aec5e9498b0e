//! LiteRT (`libLiteRt.so`), or a classic TensorFlow Lite C library, opened when the program starts.
//!
//! The library is opened by `edgefirst-tflite`. LiteRT itself is called through that crate's function table
//! rather than its wrappers: those copy tensors in and out, and a frame's way should end in the tensor.

mod classic;
mod delegate;
mod model;
mod operators;
mod quiet;
mod session;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use edgefirst_tflite::LiteRtStatusCode;
use edgefirst_tflite_sys::litert::{self as ffi, LiteRtFunctions};

use super::RuntimeError;
use super::model::Loaded;

pub(crate) use classic::{ClassicModel, classic};
pub(crate) use model::LiteRtModel;

/// An opened library. Never closed: its static tables and thread-local state do not survive `dlclose`, and
/// the process opens it once.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    lib: &'static edgefirst_tflite::Library,
    /// Absent for a classic library.
    env: Option<Arc<Environment>>,
    path: PathBuf,
}

impl Library {
    /// Opens the library at `path`.
    pub fn open(path: &Path) -> Result<Library, RuntimeError> {
        let lib = edgefirst_tflite::Library::from_path(path).map_err(text)?;
        let classic = lib.as_sys().TfLiteInterpreterCreate.is_ok();
        if !lib.has_litert() && !classic {
            let symbol = lib.litert_missing_symbol().unwrap_or("LiteRT").to_owned();
            return Err(RuntimeError::NoRuntime { symbol });
        }
        let lib: &'static edgefirst_tflite::Library = Box::leak(Box::new(lib));
        let env = lib.litert().map(Environment::new).transpose()?.map(Arc::new);
        Ok(Library { lib, env, path: path.into() })
    }

    /// For status and logs.
    pub fn describe(&self) -> String {
        let kind = if self.env.is_some() { "LiteRT" } else { "TensorFlow Lite" };
        format!("{kind} at {}", self.path.display())
    }

    /// Loads a model from checked bytes.
    pub fn keep(&self, bytes: Vec<u8>) -> Result<Loaded, RuntimeError> {
        Ok(match &self.env {
            Some(env) => Loaded::LiteRt(Arc::new(LiteRtModel::new(env.clone(), bytes)?)),
            None => Loaded::Classic(Arc::new(ClassicModel::new(self.lib, bytes)?)),
        })
    }
}

/// A LiteRT environment: what models, sessions and buffers belong to.
#[derive(Debug)]
pub(crate) struct Environment {
    ptr: ffi::Environment,
    fns: &'static LiteRtFunctions,
    /// Captures what the runtime writes while models are compiled.
    stderr: quiet::StderrCapture,
}

/// Value of `kLiteRtEnvOptionTagMinLoggerSeverity` in `litert_environment_options.h`.
const MIN_LOGGER_SEVERITY: u32 = 25;
/// Value of `kLiteRtLogSeverityError` in `litert_logging.h`.
const SEVERITY_ERROR: i64 = 3;
/// Value of `kLiteRtAnyTypeInt` in `litert_any.h`.
const ANY_INT: u32 = 2;

impl Environment {
    /// An environment whose logger writes only errors to standard error, because INFO lines do not belong in the log.
    fn new(fns: &'static LiteRtFunctions) -> Result<Environment, RuntimeError> {
        // SAFETY: `EnvOption` is plain C data (a tag and a tagged union), for which zeros are valid.
        let mut quiet = unsafe { std::mem::zeroed::<ffi::EnvOption>() };
        quiet.tag = MIN_LOGGER_SEVERITY as _;
        quiet.value.type_ = ANY_INT as _;
        quiet.value.__bindgen_anon_1.int_value = SEVERITY_ERROR;
        let mut ptr = std::ptr::null_mut();
        // SAFETY: one option, alive for the call, and a valid place for the result.
        check("LiteRtCreateEnvironment", unsafe { (fns.create_environment)(1, &quiet, &mut ptr) })?;
        if ptr.is_null() {
            return Err(RuntimeError::Nothing { call: "LiteRtCreateEnvironment" });
        }
        Ok(Environment { ptr, fns, stderr: quiet::StderrCapture::default() })
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // SAFETY: created in `new` and destroyed once; what belongs to it holds an `Arc` of it.
        unsafe { (self.fns.destroy_environment)(self.ptr) };
    }
}

// SAFETY: an opaque heap handle without thread affinity, only read after its creation.
unsafe impl Send for Environment {}
// SAFETY: as above.
unsafe impl Sync for Environment {}

/// An error of the crate, whose type says no more than its text.
fn text(error: edgefirst_tflite::Error) -> RuntimeError {
    RuntimeError::Message(error.to_string())
}

/// A status of the C API as a result whose error names the call.
fn check(call: &'static str, status: ffi::Status) -> Result<(), RuntimeError> {
    if status == ffi::kLiteRtStatusOk {
        return Ok(());
    }
    Err(RuntimeError::Status { call, status: LiteRtStatusCode(status).to_string() })
}
