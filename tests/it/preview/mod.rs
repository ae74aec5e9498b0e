//! The live picture as a viewer sees it, and as the rest of the box does not notice it.

mod allocations;
mod figures;
mod live;
mod marks;
mod parts;
mod sameness;
mod studio;
