//! One compiled model for one thread: single-threaded on the CPU, tensors filled and read in place.

use std::sync::Arc;

use edgefirst_tflite_sys::litert as ffi;

use crate::{Coverage, RunError, RuntimeError, Session, TensorInfo};
use ocellus_image::Dtype;

use super::model::LiteRtModel;
use super::{Environment, check};

/// A compiled model; destroyed with the session.
struct Compiled {
    ptr: ffi::CompiledModel,
    model: Arc<LiteRtModel>,
}

impl Compiled {
    fn new(model: Arc<LiteRtModel>) -> Result<Compiled, RuntimeError> {
        let fns = model.env.fns;
        let (mut options, mut ptr) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: environment and model live; options are ours for the call and destroyed after it; the
        // out-parameters are valid.
        unsafe {
            check("LiteRtCreateOptions", (fns.create_options)(&mut options))?;
            let set = (fns.set_options_hardware_accelerators)(options, ffi::kLiteRtHwAcceleratorCpu as _);
            let status = (fns.create_compiled_model)(model.env.ptr, model.ptr, options, &mut ptr);
            (fns.destroy_options)(options);
            check("LiteRtSetOptionsHardwareAccelerators", set)?;
            check("LiteRtCreateCompiledModel", status)?;
        }
        if ptr.is_null() {
            return Err(RuntimeError::Nothing { call: "LiteRtCreateCompiledModel" });
        }
        Ok(Compiled { ptr, model })
    }

    /// A buffer for input (`output` false) or output `index`, as the compiled model requires it.
    fn buffer(&self, output: bool, index: usize, info: &TensorInfo) -> Result<Buffer, RuntimeError> {
        let fns = self.model.env.fns;
        let kind = tensor_type(info);
        let (mut needs, mut ptr) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the compiled model lives and owns `needs`; `kind` outlives the calls.
        unsafe {
            let status = match output {
                true => (fns.get_compiled_model_output_buffer_requirements)(self.ptr, 0, index, &mut needs),
                false => (fns.get_compiled_model_input_buffer_requirements)(self.ptr, 0, index, &mut needs),
            };
            check("LiteRtGetCompiledModelBufferRequirements", status)?;
            let mut needed = 0;
            let size = fns.get_tensor_buffer_requirements_buffer_size;
            check("LiteRtGetTensorBufferRequirementsBufferSize", size(needs, &mut needed))?;
            // Nothing or one element where the runtime sizes the tensor itself, when it runs.
            if needed > info.dtype.bytes() && needed < info.bytes() {
                let (tensor, needs) = (info.name.clone(), info.bytes());
                return Err(RuntimeError::TensorSize { tensor, has: needed, needs });
            }
            // In host memory, where the CPU works; by the requirements alone the runtime makes none for
            // tensors that it sizes itself.
            let host = ffi::kLiteRtTensorBufferTypeHostMemory as _;
            let bytes = needed.max(info.bytes());
            let status = (fns.create_managed_tensor_buffer)(self.model.env.ptr, host, &kind, bytes, &mut ptr);
            check("LiteRtCreateManagedTensorBuffer", status).map_err(|cause| RuntimeError::NoBuffer {
                tensor: info.name.clone(),
                bytes,
                cause: Box::new(cause),
            })?;
        }
        let env = self.model.env.clone();
        let mut buffer = Buffer { ptr, env, host: std::ptr::null_mut(), bytes: info.bytes(), output };
        let mut size = 0;
        // SAFETY: the buffer was just created.
        check("LiteRtGetTensorBufferSize", unsafe { (fns.get_tensor_buffer_size)(ptr, &mut size) })?;
        if size < buffer.bytes {
            let (tensor, needs) = (info.name.clone(), buffer.bytes);
            return Err(RuntimeError::BufferSize { tensor, gives: size, needs });
        }
        buffer.lock()?;
        // The input starts as zeros: fresh memory may hold anything.
        buffer.slice_mut().fill(0);
        Ok(buffer)
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        // SAFETY: created in `new`, destroyed once; buffers do not refer to it.
        unsafe { (self.model.env.fns.destroy_compiled_model)(self.ptr) };
    }
}

/// The type of a tensor as in the file, because LiteRT's own type leaves batches and detections without a
/// size.
fn tensor_type(info: &TensorInfo) -> ffi::RankedTensorType {
    // SAFETY: plain C data, for which zeros are valid.
    let mut kind = unsafe { std::mem::zeroed::<ffi::RankedTensorType>() };
    // `kLiteRtElementType…` of `litert_model_types.h`.
    kind.element_type = match info.dtype {
        Dtype::F32 => 1,
        Dtype::I32 => 2,
        Dtype::U8 => 3,
        Dtype::I64 => 4,
        Dtype::I8 => 9,
    };
    kind.layout.set_rank(info.shape.len() as _);
    for (dimension, size) in kind.layout.dimensions.iter_mut().zip(&info.shape) {
        *dimension = *size as _;
    }
    kind
}

/// A tensor's memory. Locked at all times but during a run, so that slices of it may be given out.
struct Buffer {
    ptr: ffi::TensorBuffer,
    env: Arc<Environment>,
    /// The locked memory; null while it is unlocked.
    host: *mut u8,
    /// Of the tensor; the runtime may have padded the memory.
    bytes: usize,
    output: bool,
}

impl Buffer {
    fn lock(&mut self) -> Result<(), RuntimeError> {
        let mode = match self.output {
            true => ffi::kLiteRtTensorBufferLockModeRead,
            false => ffi::kLiteRtTensorBufferLockModeWrite,
        };
        let mut host = std::ptr::null_mut();
        // SAFETY: the buffer lives and is not locked; the out-parameter is valid.
        let status = unsafe { (self.env.fns.lock_tensor_buffer)(self.ptr, &mut host, mode as _) };
        check("LiteRtLockTensorBuffer", status)?;
        self.host = host.cast();
        match host.is_null() {
            true => Err(RuntimeError::Nothing { call: "LiteRtLockTensorBuffer" }),
            false => Ok(()),
        }
    }

    fn unlock(&mut self) -> Result<(), RuntimeError> {
        if self.host.is_null() {
            return Ok(());
        }
        self.host = std::ptr::null_mut();
        // SAFETY: the buffer lives and is locked; nobody holds a slice, for they borrow the session.
        check("LiteRtUnlockTensorBuffer", unsafe { (self.env.fns.unlock_tensor_buffer)(self.ptr) })
    }

    fn slice(&self) -> &[u8] {
        if self.host.is_null() {
            return &[];
        }
        // SAFETY: locked, so `host` names at least `bytes` bytes (checked when created), untouched by the
        // runtime until `unlock`, which needs this buffer exclusively.
        unsafe { std::slice::from_raw_parts(self.host, self.bytes) }
    }

    fn slice_mut(&mut self) -> &mut [u8] {
        if self.host.is_null() {
            return &mut [];
        }
        // SAFETY: as in `slice`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.host, self.bytes) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // Best effort: a buffer that cannot be unlocked is still destroyed.
        let _ = self.unlock();
        // SAFETY: created in `Compiled::buffer`, destroyed once.
        unsafe { (self.env.fns.destroy_tensor_buffer)(self.ptr) };
    }
}

/// A LiteRT session. After a failed run its tensors may be empty slices until a run succeeds.
pub(crate) struct LiteRtSession {
    name: String,
    infos: [Vec<TensorInfo>; 2],
    inputs: Vec<Buffer>,
    outputs: Vec<Buffer>,
    /// The call may write to these arrays, so they are not shared.
    input_handles: Vec<ffi::TensorBuffer>,
    output_handles: Vec<ffi::TensorBuffer>,
    compiled: Compiled,
}

impl LiteRtSession {
    pub fn new(
        model: Arc<LiteRtModel>,
        name: &str,
        inputs: &[TensorInfo],
        outputs: &[TensorInfo],
    ) -> Result<LiteRtSession, RuntimeError> {
        let compiled = Compiled::new(model)?;
        // The runtime numbers inputs and outputs as the graph does, whatever order its signatures have.
        let buffers = |output: bool, infos: &[TensorInfo]| -> Result<Vec<Buffer>, RuntimeError> {
            infos.iter().enumerate().map(|(at, info)| compiled.buffer(output, at, info)).collect()
        };
        let (ins, outs) = (buffers(false, inputs)?, buffers(true, outputs)?);
        Ok(LiteRtSession {
            name: name.into(),
            infos: [inputs.to_vec(), outputs.to_vec()],
            input_handles: ins.iter().map(|buffer| buffer.ptr).collect(),
            output_handles: outs.iter().map(|buffer| buffer.ptr).collect(),
            inputs: ins,
            outputs: outs,
            compiled,
        })
    }

    fn run_unlocked(&mut self) -> Result<(), RuntimeError> {
        self.inputs.iter_mut().chain(&mut self.outputs).try_for_each(Buffer::unlock)?;
        let (ins, outs) = (&mut self.input_handles, &mut self.output_handles);
        let run = self.compiled.model.env.fns.run_compiled_model;
        // SAFETY: every handle is that of a living, unlocked buffer of this session; the arrays are as long
        // as their counts say; the session is borrowed exclusively.
        let status =
            unsafe { run(self.compiled.ptr, 0, ins.len(), ins.as_mut_ptr(), outs.len(), outs.as_mut_ptr()) };
        let locked = self.inputs.iter_mut().chain(&mut self.outputs).try_for_each(Buffer::lock);
        check("LiteRtRunCompiledModel", status)?;
        locked
    }
}

impl Session for LiteRtSession {
    fn inputs(&self) -> &[TensorInfo] {
        &self.infos[0]
    }

    fn outputs(&self) -> &[TensorInfo] {
        &self.infos[1]
    }

    fn input_mut(&mut self, index: usize) -> &mut [u8] {
        self.inputs[index].slice_mut()
    }

    fn run(&mut self) -> Result<(), RunError> {
        self.run_unlocked().map_err(|cause| RunError { model: self.name.clone(), cause })
    }

    fn output(&self, index: usize) -> &[u8] {
        self.outputs[index].slice()
    }

    fn coverage(&self) -> Coverage {
        let mut all = false;
        // SAFETY: the compiled model lives, and the out-parameter is valid.
        let status = unsafe {
            (self.compiled.model.env.fns.compiled_model_is_fully_accelerated)(self.compiled.ptr, &mut all)
        };
        match check("LiteRtCompiledModelIsFullyAccelerated", status) {
            Ok(()) if all => Coverage::All,
            Ok(()) => Coverage::NotAll,
            Err(_) => Coverage::Unknown,
        }
    }
}

// SAFETY: opaque heap handles without thread affinity, and host memory that only this session touches.
unsafe impl Send for LiteRtSession {}
