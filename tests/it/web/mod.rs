//! The page's server as a browser, a program and a stranger meet it: the real binary, a real broker, real sockets.

pub mod access;
mod bad_input;
pub mod client;
mod config;
mod events;
mod handles;
mod health;
mod live;
mod login;
mod memory;
mod metrics;
mod rest;
mod scenario;
mod secrets;
mod strangers;
mod tls;
