//! Where lists come from: how content is fetched, judged, kept, and when it is asked for again.
//!
//! [`source`] brings bytes from a file, a directory, a web server or a command; [`shape`] says whether new content may
//! replace the old; [`cache`] keeps the last good copy over restarts; [`schedule`] says when to ask again and how old
//! is too old; [`catalogue`] knows well-known feeds by name. Only `source` and `cache` do anything; the rest is pure.
//!
//! Nothing here knows what the bytes mean (`lists` does) nor what a list is for (`policy`).

pub mod cache;
pub mod catalogue;
pub mod schedule;
pub mod shape;
pub mod source;
