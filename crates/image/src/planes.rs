//! A picture's planes: their layout in memory, how their samples are read, and whether a slice holds all of its rows.

use super::ImageError;

/// The pixel layouts that are accepted; all have 8 bits a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Y plane, then one plane of interleaved U and V at half size in both directions.
    Nv12,
    /// Y, U and V planes; U and V at half size in both directions.
    I420,
    /// One plane: Y0 U Y1 V for two pixels.
    Yuy2,
    /// One plane of luma.
    Gray8,
    /// One plane, three bytes a pixel.
    Rgb,
    /// One plane, three bytes a pixel, blue first.
    Bgr,
    /// One plane, four bytes a pixel; alpha is ignored.
    Rgba,
}

impl PixelFormat {
    /// All of them, in the order in which a source is asked for them: cheapest for the tensor first.
    pub const ALL: [PixelFormat; 7] = [
        PixelFormat::Nv12,
        PixelFormat::I420,
        PixelFormat::Yuy2,
        PixelFormat::Gray8,
        PixelFormat::Rgb,
        PixelFormat::Bgr,
        PixelFormat::Rgba,
    ];

    /// The name that GStreamer caps use.
    pub fn caps_name(self) -> &'static str {
        match self {
            PixelFormat::Nv12 => "NV12",
            PixelFormat::I420 => "I420",
            PixelFormat::Yuy2 => "YUY2",
            PixelFormat::Gray8 => "GRAY8",
            PixelFormat::Rgb => "RGB",
            PixelFormat::Bgr => "BGR",
            PixelFormat::Rgba => "RGBA",
        }
    }

    /// The format that a GStreamer caps name stands for, if it is accepted.
    pub fn from_caps_name(name: &str) -> Option<PixelFormat> {
        PixelFormat::ALL.into_iter().find(|format| format.caps_name() == name)
    }

    /// Bytes in a row and rows, for each plane of a `width` × `height` picture without padding.
    /// Unused planes are `(0, 0)`. Chroma of odd sizes is rounded up.
    pub fn plane_sizes(self, width: usize, height: usize) -> [(usize, usize); 3] {
        let (half_w, half_h) = (width.div_ceil(2), height.div_ceil(2));
        match self {
            PixelFormat::Nv12 => [(width, height), (half_w * 2, half_h), (0, 0)],
            PixelFormat::I420 => [(width, height), (half_w, half_h), (half_w, half_h)],
            PixelFormat::Yuy2 => [(half_w * 4, height), (0, 0), (0, 0)],
            PixelFormat::Gray8 => [(width, height), (0, 0), (0, 0)],
            PixelFormat::Rgb | PixelFormat::Bgr => [(width * 3, height), (0, 0), (0, 0)],
            PixelFormat::Rgba => [(width * 4, height), (0, 0), (0, 0)],
        }
    }
}

/// The YUV to RGB matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// ITU-R BT.601: standard definition, JPEG.
    #[default]
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
}

/// The range of YUV samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Range {
    /// Luma 16 to 235, chroma 16 to 240.
    #[default]
    Limited,
    /// 0 to 255, as in JPEG.
    Full,
}

/// How YUV samples are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Colour {
    /// The matrix from YUV to RGB.
    pub matrix: Matrix,
    /// The range that the samples use.
    pub range: Range,
}

/// A borrowed view of a picture's planes.
#[derive(Clone, Copy, Debug)]
pub struct Planes<'a> {
    /// Order and subsampling of the samples.
    pub format: PixelFormat,
    /// Width of the picture, px.
    pub width: usize,
    /// Height of the picture, px.
    pub height: usize,
    /// Matrix and range of YUV formats; ignored for RGB ones.
    pub colour: Colour,
    /// One slice a plane; unused ones are empty. The last row may be shorter than its stride.
    pub data: [&'a [u8]; 3],
    /// Bytes from one row to the next, for each plane.
    pub stride: [usize; 3],
}

impl<'a> Planes<'a> {
    /// A view of tightly packed planes that follow one another in `bytes`.
    /// Returns `None` when `bytes` is too short.
    pub fn packed(format: PixelFormat, width: usize, height: usize, bytes: &'a [u8]) -> Option<Planes<'a>> {
        let mut data: [&[u8]; 3] = [&[]; 3];
        let mut stride = [0; 3];
        let mut rest = bytes;
        for (plane, (row, rows)) in format.plane_sizes(width, height).into_iter().enumerate() {
            let (head, tail) = rest.split_at_checked(row * rows)?;
            data[plane] = head;
            stride[plane] = row;
            rest = tail;
        }
        Some(Planes { format, width, height, colour: Colour::default(), data, stride })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_round_their_chroma_up() {
        assert_eq!(PixelFormat::I420.plane_sizes(5, 3), [(5, 3), (3, 2), (3, 2)]);
        assert_eq!(PixelFormat::Nv12.plane_sizes(5, 3), [(5, 3), (6, 2), (0, 0)]);
    }

    #[test]
    fn too_few_bytes_are_refused() {
        assert!(Planes::packed(PixelFormat::Rgb, 4, 4, &[0; 47]).is_none());
    }
}
