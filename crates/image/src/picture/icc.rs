//! ICC profiles: converts pixels of another colour space to sRGB with `moxcms`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};

use super::{Channels, Patch};

/// Longest profile that is read, bytes: those of printers have up to 3 MiB. Longer ones are ignored.
pub(super) const MAX_PROFILE: u64 = 4 << 20;
/// Memory that a profile may take beside the picture, bytes: itself, its tables as floats, and the transform made of them.
pub(super) const MEMORY: u64 = 32 << 20;
/// A profile that changes no colour by more than this counts as sRGB, and the pixels are not converted.
const SAME: u8 = 1;

/// Converts an RGB or grey picture to sRGB; leaves it unchanged where the profile is damaged or of another
/// kind.
pub(super) fn to_srgb(profile: &[u8], patch: &mut Patch) {
    guarded(|| match patch.channels {
        Channels::Gray => grey(profile, &mut patch.data),
        Channels::Rgb | Channels::Bgr => rgb(profile, &mut patch.data, patch.width),
    });
}

/// Converts CMYK (ink, 0 to 255) to sRGB; `None` where the profile is damaged or not for CMYK.
pub(super) fn cmyk_to_srgb(profile: &[u8], cmyk: &[u8], width: usize) -> Option<Vec<u8>> {
    guarded(|| {
        let transform = transform(profile, DataColorSpace::Cmyk, Layout::Rgba)?;
        let mut out = vec![0; cmyk.len() / 4 * 3];
        for (from, to) in cmyk.chunks(width * 4).zip(out.chunks_mut(width * 3)) {
            transform.transform(from, to).ok()?;
        }
        Some(out)
    })
}

/// A profile is untrusted input to a library: where it panics, the picture is used without the profile.
fn guarded<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done,
        Err(_) => {
            tracing::debug!("an ICC profile could not be used: the picture's values are not converted");
            None
        }
    }
}

fn transform(profile: &[u8], space: DataColorSpace, layout: Layout) -> Option<Arc<Transform8BitExecutor>> {
    let source = ColorProfile::new_from_slice(profile).ok().filter(|source| source.color_space == space)?;
    let srgb = ColorProfile::new_srgb();
    source.create_transform_8bit(layout, &srgb, Layout::Rgb, TransformOptions::default()).ok()
}

fn rgb(profile: &[u8], data: &mut [u8], width: usize) -> Option<()> {
    let transform = transform(profile, DataColorSpace::Rgb, Layout::Rgb)?;
    if is_srgb(&*transform)? {
        return Some(());
    }
    let mut row = vec![0; width * 3];
    for line in data.chunks_exact_mut(width * 3) {
        transform.transform(line, &mut row).ok()?;
        line.copy_from_slice(&row);
    }
    Some(())
}

fn grey(profile: &[u8], data: &mut [u8]) -> Option<()> {
    let transform = transform(profile, DataColorSpace::Gray, Layout::Gray)?;
    let every: Vec<u8> = (0..=u8::MAX).collect();
    let mut colours = [0; 3 * 256];
    transform.transform(&every, &mut colours).ok()?;
    data.iter_mut().for_each(|value| *value = colours[3 * usize::from(*value)]);
    Some(())
}

/// Whether the profile changes no colour of a grid through the whole colour cube.
fn is_srgb(transform: &Transform8BitExecutor) -> Option<bool> {
    let steps = || (0..=u8::MAX).step_by(17);
    let grid: Vec<u8> =
        steps().flat_map(|r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b]))).collect();
    let mut moved = vec![0; grid.len()];
    transform.transform(&grid, &mut moved).ok()?;
    Some(grid.iter().zip(&moved).all(|(from, to)| from.abs_diff(*to) <= SAME))
}
