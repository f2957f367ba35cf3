//! The daemon: the loop, and everything that is not pure.
//!
//! [`run()`] starts in an order in which nothing is changed before all that may fail has been tried: configuration,
//! lists, privileges, lock, load; then the kernel's maps are filled, then interfaces are attached.

mod answering;
mod clock;
mod explain;
mod file;
mod inspection;
mod interfaces;
mod lists;
mod lock;
mod lookups;
mod netlink;
mod policy;
mod publish;
mod report;
mod rules;
mod run;
mod start;
mod state;
mod verdicts;
mod work;

pub use clock::Tick;
pub use clock::{monotonic_ns, unix_s};
pub use lists::{ListSet, LoadListError, LoadedList};
pub use lock::{Lock, LockError};
pub use netlink::Netlink;
pub use run::{RunError, run};
