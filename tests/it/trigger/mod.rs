//! Triggers against real pseudo-terminals: bursts, garbage, half lines, floods, a port that is pulled; the sums agree.

mod dialogue;
mod hammer;
mod latency;
mod plug;
mod support;
