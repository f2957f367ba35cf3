//! (to come)

pub mod config;
pub mod datapath;
pub mod lists;
pub mod policy;
pub mod table;
