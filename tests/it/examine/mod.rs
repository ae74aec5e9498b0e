//! `ocellus doctor`: what a technician injects by accident, named by the real binary with its cause and remedy.

mod bundle;
mod delegate;
mod faults;
mod healthy;
mod machine;
mod running;
mod support;
