//! Checks that a picture's slices really hold its rows, before any kernel reads them.

use super::ImageError;
use crate::types::Planes;

/// Refuses a picture without pixels, a stride below a row, and a plane that ends before its last row does.
/// The last row needs no padding after it.
pub(super) fn check(planes: &Planes<'_>) -> Result<(), ImageError> {
    let Planes { format, width, height, .. } = *planes;
    if width == 0 || height == 0 {
        return Err(ImageError::PictureEmpty { format, width, height });
    }
    for (plane, (row, rows)) in format.plane_sizes(width, height).into_iter().enumerate() {
        if rows == 0 {
            continue;
        }
        let (stride, got) = (planes.stride[plane], planes.data[plane].len());
        if stride < row {
            return Err(ImageError::StrideTooSmall { format, plane, stride, row });
        }
        let need = (rows - 1).saturating_mul(stride).saturating_add(row);
        if got < need {
            return Err(ImageError::PlaneTooShort { format, plane, need, got });
        }
    }
    Ok(())
}
