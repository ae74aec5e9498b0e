//! The real binary against a real broker: what a person, a plant system and systemd would notice.

mod bad_broker;
mod bad_source;
mod bad_state;
mod boot;
mod camera_server;
mod check;
mod command_line;
pub mod commands;
mod console;
mod daemon;
mod demo;
mod ending;
mod fairness;
mod faults;
mod file;
mod kill;
mod live;
mod logs;
mod profiles;
mod reload;
mod restart;
mod rights;
mod scene;
mod systemd;
mod text_files;
mod toolchain;
mod unit_file;
