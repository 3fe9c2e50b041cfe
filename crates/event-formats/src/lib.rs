//! Native audit records in, events out: one module per format, pure.
