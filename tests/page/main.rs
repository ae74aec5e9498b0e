//! The page in a real Chromium, served by the real binary: what a person sees, clicks, types and hears.

#[path = "../support/mod.rs"]
mod support;

mod batch;
mod browser;
mod commands;
mod curves;
mod hands;
mod health;
mod jobs;
mod line;
mod link;
mod live;
mod login;
mod looks;
mod people;
mod place;
mod recordings;
