//! Looking into connections: which are, what of them is handed to userspace, and what keeps all of that within bounds.

mod bounds;
mod budgets;
mod forged;
mod frames;
mod orders;
#[path = "../support/outcome.rs"]
mod outcome;
mod roles;
#[expect(dead_code, reason = "no lists are needed here, and no devices that are on no side")]
#[path = "../support/mod.rs"]
mod support;
mod talk;
mod wide;
mod world;
