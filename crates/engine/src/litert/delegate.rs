//! External delegates of TensorFlow Lite: libraries that hand operators of a model to an accelerator. What they take is
//! counted, because a delegate that takes nothing leaves the model on the CPU in silence.

use std::cell::RefCell;
use std::path::Path;

use edgefirst_tflite::{Delegate, Interpreter, Library, Model};
use edgefirst_tflite_sys as ffi;

use super::{operators, text};
use crate::{Coverage, RuntimeError};

type Prepare = unsafe extern "C" fn(*mut ffi::TfLiteContext, *mut ffi::TfLiteDelegate) -> ffi::TfLiteStatus;

/// Value of `kTfLiteBuiltinDelegate` in `builtin_ops.h`: the operator of a node that a delegate has taken.
const TAKEN: i32 = 51;

/// The delegate whose `Prepare` is being called on this thread, and what it took.
struct Preparing {
    original: Prepare,
    operators: usize,
    /// Names of those that are left to the CPU.
    left: Vec<String>,
}

thread_local! {
    /// Set while an interpreter is built: the runtime prepares a delegate on the thread that builds.
    static PREPARING: RefCell<Option<Preparing>> = const { RefCell::new(None) };
}

/// Builds a single-threaded interpreter whose operators the delegate in `library` may take. Returns what it took.
pub(super) fn build(
    lib: &'static Library,
    model: &Model<'static>,
    library: &Path,
) -> Result<(Interpreter<'static>, Coverage), RuntimeError> {
    let unusable =
        |cause: RuntimeError| RuntimeError::Delegate { library: library.to_owned(), cause: Box::new(cause) };
    let delegate = Delegate::load(library).map_err(|error| unusable(text(error)))?;
    let raw = delegate.as_ptr();
    // SAFETY: the delegate lives, and nothing else uses it before it is given to a builder.
    let original = unsafe { (*raw).Prepare };
    let original = original.ok_or_else(|| unusable("it has no function Prepare".into()))?;
    PREPARING.set(Some(Preparing { original, operators: 0, left: Vec::new() }));
    // SAFETY: as above; `count` calls the original.
    unsafe { (*raw).Prepare = Some(count) };
    let builder = Interpreter::builder(lib).map_err(text)?.num_threads(1).delegate(delegate);
    let built = builder.build(model);
    let counted = PREPARING.take();
    let interpreter = built.map_err(|error| unusable(text(error)))?;
    // SAFETY: the interpreter owns the delegate and lives. Should the runtime prepare it again, nobody counts any more.
    unsafe { (*raw).Prepare = Some(original) };
    let coverage = counted.map(|Preparing { operators, left, .. }| Coverage::Part { operators, left });
    Ok((interpreter, coverage.unwrap_or_default()))
}

/// Calls the delegate's own `Prepare`, and counts the operators before it and those that are left to the CPU after it.
unsafe extern "C" fn count(
    context: *mut ffi::TfLiteContext,
    delegate: *mut ffi::TfLiteDelegate,
) -> ffi::TfLiteStatus {
    let Some(mut preparing) = PREPARING.take() else { return ffi::TfLiteStatus_kTfLiteError };
    // SAFETY: the runtime calls this with a living context, whose functions may be used while a delegate is prepared.
    let before = unsafe { plan(context) };
    // SAFETY: the delegate's own function, with the arguments that the runtime gave.
    let status = unsafe { (preparing.original)(context, delegate) };
    // SAFETY: as above. The plan is asked for again, because taking operators replaces it.
    let after = unsafe { plan(context) };
    // A graph may have subgraphs, each of which is prepared.
    preparing.operators += before.len();
    preparing.left.extend(after.into_iter().filter(|code| *code != TAKEN).map(operators::name));
    PREPARING.set(Some(preparing));
    status
}

/// The builtin code of each operator that would run, in order.
///
/// # Safety
/// `context` is that of a delegate's `Prepare`.
unsafe fn plan(context: *mut ffi::TfLiteContext) -> Vec<i32> {
    // SAFETY: the caller's.
    let (execution, node_of) = unsafe { ((*context).GetExecutionPlan, (*context).GetNodeAndRegistration) };
    let (Some(execution), Some(node_of)) = (execution, node_of) else { return Vec::new() };
    let mut indices = std::ptr::null_mut();
    // SAFETY: a function of the context, with a valid place for its result, which the runtime owns.
    if unsafe { execution(context, &mut indices) } != ffi::TfLiteStatus_kTfLiteOk || indices.is_null() {
        return Vec::new();
    }
    // SAFETY: the runtime's list has `size` entries, and stays as it is until the next call for a plan.
    let indices = unsafe { (*indices).data.as_slice((*indices).size.max(0) as usize) }.to_vec();
    let code = |index| {
        let (mut node, mut registration) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: an index of the plan, and valid places for the results, which the runtime owns.
        let status = unsafe { node_of(context, index, &mut node, &mut registration) };
        // SAFETY: not null, and of the runtime.
        (status == ffi::TfLiteStatus_kTfLiteOk && !registration.is_null())
            .then(|| unsafe { (*registration).builtin_code })
    };
    indices.into_iter().filter_map(code).collect()
}
