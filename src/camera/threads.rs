//! The names of a camera's threads, by which `ocellus top`, `top -H` and `perf` tell the cameras apart. Threads that a
//! decoder starts inherit the name.

use crate::types::sha256;

/// The kernel keeps 15 bytes of a name; so many of them name the camera.
const TAG_BYTES: usize = 9;
/// Digits that tell longer names apart, at the end of the tag.
const DIGITS: usize = 3;

/// Names the calling thread after `camera` and what it does, such as `front:queue0`.
pub(super) fn name_thread(camera: &str, what: &str) {
    let name: String = format!("{}:{what}", tag(camera)).replace('\0', "");
    if let Ok(name) = std::ffi::CString::new(name)
        && let Err(error) = rustix::thread::set_name(&name)
    {
        tracing::debug!(camera, "a thread keeps its name: {error}");
    }
}

/// Whether a thread with this name, as the kernel has it, works for `camera`.
pub fn belongs_to(thread: &str, camera: &str) -> bool {
    thread.strip_prefix(&tag(camera)).is_some_and(|rest| rest.starts_with(':'))
}

/// The camera's name where it is short and without a colon, which ends the tag; otherwise its beginning and digits that
/// depend on all of it.
fn tag(camera: &str) -> String {
    if camera.len() <= TAG_BYTES && !camera.contains(':') {
        return camera.to_owned();
    }
    let mut end = camera.len().min(TAG_BYTES - DIGITS);
    while !camera.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{}", camera[..end].replace(':', "-"), &sha256(camera)[..DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_camera_knows_its_threads_also_where_names_begin_alike() {
        let cameras =
            ["front", "front:left", "f:1", "inspection-left", "inspection-right", "überwachung-süd", "f"];
        for camera in cameras {
            let thread: String = format!("{}:multiqueue0", tag(camera));
            let kept = String::from_utf8_lossy(&thread.as_bytes()[..thread.len().min(15)]).into_owned();
            for other in cameras {
                assert_eq!(belongs_to(&kept, other), other == camera, "{kept} of {camera} and {other}");
            }
        }
        assert!(!belongs_to("frontal:queue0", "front") && !belongs_to("front", "front"));
    }

    #[test]
    fn a_thread_gets_its_name() {
        let named = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                name_thread("front", "queue0");
                rustix::thread::name().ok()
            });
            thread.join().unwrap()
        });
        assert_eq!(named.as_deref(), Some(c"front:queue0"));
    }
}
