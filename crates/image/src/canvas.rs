//! A picture in memory in JFIF's colours (BT.601, full range), into which previews are drawn before they are
//! encoded.

/// Rows begin at multiples of this many bytes.
const ALIGN: usize = 64;

/// Rows of luma that share one row of chroma; chroma is always halved sideways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// 4:2:0: one chroma sample for two rows.
    #[default]
    Two,
    /// 4:2:2: one chroma sample for each row.
    One,
}

impl Sampling {
    /// Rows of luma that share one row of chroma.
    pub(super) fn rows(self) -> usize {
        match self {
            Sampling::Two => 2,
            Sampling::One => 1,
        }
    }
}

/// Planes of luma, blue and red difference. Luma has one column (and, at 4:2:0, one row) more where a side is odd, so
/// that each sample of chroma has all its px; what lies there is the edge again. Its memory is kept when it is resized.
#[derive(Debug, Default)]
pub struct Canvas {
    width: usize,
    height: usize,
    sampling: Sampling,
    stride: usize,
    planes: [Vec<u8>; 3],
}

impl Canvas {
    /// Makes it `width` × `height` px. What it shows is undefined until every row has been written.
    pub fn resize(&mut self, width: usize, height: usize, sampling: Sampling) {
        (self.width, self.height, self.sampling) = (width, height, sampling);
        self.stride = width.next_multiple_of(ALIGN);
        let luma = self.stride * height.next_multiple_of(2);
        let chroma = self.stride / 2 * height.div_ceil(sampling.rows());
        for (plane, len) in self.planes.iter_mut().zip([luma, chroma, chroma]) {
            if plane.len() < len {
                plane.resize(len, 0);
            }
        }
    }

    /// Width of the picture in px, without padding.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height of the picture in px, without padding.
    pub fn height(&self) -> usize {
        self.height
    }

    /// How chroma is sampled.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Bytes from row to row of a plane: 0 luma, 1 and 2 chroma.
    pub fn stride(&self, plane: usize) -> usize {
        if plane == 0 { self.stride } else { self.stride / 2 }
    }

    /// A plane from its first row on; it may be longer than its rows.
    pub fn plane(&self, plane: usize) -> &[u8] {
        &self.planes[plane]
    }

    /// Width and height of what may be drawn into: the picture, with each side made even.
    pub(super) fn even_size(&self) -> (usize, usize) {
        (self.width.next_multiple_of(2), self.height.next_multiple_of(2))
    }

    /// One row of a plane: luma as wide as [`Canvas::even_size`], chroma half as wide.
    pub(super) fn row_mut(&mut self, plane: usize, y: usize) -> &mut [u8] {
        let (stride, width) = (self.stride(plane), self.width.next_multiple_of(2));
        let width = if plane == 0 { width } else { width / 2 };
        &mut self.planes[plane][y * stride..][..width]
    }

    /// One row of both planes of chroma.
    pub(super) fn chroma_rows(&mut self, y: usize) -> (&mut [u8], &mut [u8]) {
        let (stride, width) = (self.stride / 2, self.width.div_ceil(2));
        let [_, u, v] = &mut self.planes;
        (&mut u[y * stride..][..width], &mut v[y * stride..][..width])
    }
}
