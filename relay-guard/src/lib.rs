//! relay-guard's userspace: everything that the binary does, as a library.
//!
//! In the order in which policy and packets meet it: `config` and `lists` read what the administrator wrote, `feeds`
//! brings what others publish, `policy` compiles it, `table` lays it out, `datapath` puts it into the kernel; what the
//! kernel counts goes through `inspect` and comes back as verdicts. `daemon` holds the loop and all that is not pure,
//! `control` its socket, `cli` the commands.

pub mod cli;
pub mod config;
pub mod control;
pub mod daemon;
pub mod datapath;
pub mod dnsbl;
pub mod feeds;
pub mod inspect;
pub mod intake;
pub mod lists;
pub mod policy;
pub mod replay;
pub mod sets;
pub mod table;
