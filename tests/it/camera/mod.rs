//! Capture against real sources: files, folders, servers that the tests start, sockets, the painter, launch lines.

mod files;
mod http;
mod images;
mod length32;
mod lines;
pub mod rtsp;
mod support;
mod tcp;
mod v4l2;

#[path = "../../../examples/send_frames.rs"]
pub mod send_frames;
