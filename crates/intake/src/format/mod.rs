//! The formats: bytes in any cut become points and bad lines, the same ones for every cut.
//!
//! A reader's state is what it knows at the end of the last whole record (columns, line number); a cursor keeps it, so
//! that reading goes on after a restart without the lines before.

mod columns;
mod csv;
mod fields;
mod json;
mod jsonl;
mod leaves;
mod lines;
mod lvm;
mod lvm_header;
mod parser;
mod settings;
mod time;

pub use columns::Columns;
pub use parser::{Parsed, Parser, ParserState};
pub use settings::{Format, FormatError, FormatSettings, Separator};
pub use time::TimeFormat;
