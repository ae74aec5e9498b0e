//! Pixels: preprocessing, geometry, the comparison with golden pictures, barcodes.

mod barcodes;
mod compare;
mod geometry;
mod preprocess;
