//! Microscopy from the outside: the real binary on the movies that PyAMA computed.

mod convert;
mod run;
mod support;
