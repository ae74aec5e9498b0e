//! Commands of the program that work on faces and on golden pictures, as a person types them.

mod backup;
mod faces;
mod golden;
mod provision;
