//! Inside hosts: what is remembered of each, how signals come of it, and what is done about those whose score is high.
//!
//! Of every host little is kept, of those that send now a good deal, and each of these has a bound; what is longest quiet goes
//! first. A host with a state on the ladder is never forgotten.

mod brief;
mod checks;
mod command;
mod counts;
mod detail;
mod engine;
mod envelopes;
mod networks;
mod pace;
mod rules;
mod samples;
mod saved;
mod seen;
mod senders;
mod shapes;
mod slots;
mod standings;
#[cfg(test)]
pub(crate) mod testing;
mod view;
mod window;

pub use brief::{Brief, MAX_RECENT};
pub use command::{Change, Command, Counters, HostDetail, HostView, Reading, Sizes};
pub use engine::{Engine, MAX_DETAILS, MAX_RECENT_IN_ALL};
pub use envelopes::kept;
pub use networks::MAX_NETWORKS;
pub use rules::Rules;
pub use saved::{Moment, Saved, SavedHost};
pub use standings::{HISTORY_NS, MAX_HISTORY, MAX_STANDINGS};
pub use window::WindowFigures;

#[cfg(test)]
mod tests;
