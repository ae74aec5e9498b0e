//! What a file says about its planes: OME-XML, ImageJ's lines, tifffile's shape.

mod imagej;
mod ome;
mod shaped;
mod units;

pub(super) use imagej::ImageJ;
pub(super) use ome::{Image, Ome, TiffData};
pub(super) use shaped::Shaped;
pub(super) use units::micrometres;

/// Whether the description is OME-XML.
pub(super) fn is_ome(description: &str) -> bool {
    let start = description.get(..4096).unwrap_or(description);
    description.trim_start().starts_with('<') && (start.contains("<OME") || start.contains(":OME"))
}

/// How many pages the description promises.
pub(super) fn expected_pages(description: &str) -> Option<usize> {
    if is_ome(description) {
        return Ome::parse(description).ok()?.planes();
    }
    if let Some(image_j) = ImageJ::parse(description) {
        return image_j.images;
    }
    Shaped::parse(description)?.planes()
}
