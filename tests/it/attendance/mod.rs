//! Attendance: the real unit with a real store and, where it matters, a real broker, the real binary, a real crash.

mod command_line;
mod disk;
mod kill;
mod once;
mod people;
mod scenario;
mod tables;
