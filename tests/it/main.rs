//! The integration tests in one binary, a folder for each domain: `cargo nextest run --test it inspection::`.

#[path = "../support/mod.rs"]
mod support;

mod attendance;
mod camera;
mod cli;
mod data;
mod docs;
mod engine;
mod examine;
mod heap;
mod image;
mod inspection;
mod intake;
mod jobs;
mod microscopy;
mod mqtt;
mod outputs;
mod pipeline;
mod plant;
mod preview;
mod recognition;
mod recorder;
mod scene_model;
mod service;
mod store;
mod tracking;
mod trigger;
mod web;
mod zmq;
