//! Requests of jobs to other servers: one client with pooled connections, and limits that hold for all of them.
//!
//! ```text
//! kind ▶ HttpClient::run, which ends with the job ▶ exchange.rs: pace, redirects, limits of time
//!                                                     └▶ pool ▶ connect.rs: DNS, address.rs, TCP, TLS
//! ```
//!
//! A worker is a thread, and waits for its request there; a thread of the client's drives the connections. Requests of jobs
//! cannot hold the service up: the runtime that they share serves nothing else.

mod address;
mod body;
mod client;
mod connect;
mod credentials;
mod error;
mod exchange;
mod pace;

pub use client::HttpClient;

pub(super) use body::{Receiving, Sending};
pub(super) use credentials::Credentials;
pub(super) use error::HttpError;
pub(super) use exchange::{Method, Outgoing, parse as parse_url};
