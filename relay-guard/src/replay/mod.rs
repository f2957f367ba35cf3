//! Capture files, read as if their packets had been seen on the wire.

pub mod capture;
