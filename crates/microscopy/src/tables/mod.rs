//! The tables of PyAMA's layout: traces, inspected traces, samples, merged traces, fits; and texts of ranges.
