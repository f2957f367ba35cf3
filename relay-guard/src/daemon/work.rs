//! Work beside the loop, which may take long: taking lists in and compiling them. The loop begins it, and carries out what
//! comes of it.

use std::future::pending;

use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

use super::policy::{Draft, Prepared, PublishError};
use crate::{
    feeds::source::Fetcher,
    intake::{self, Failure, Taken, Task},
};

/// What was done.
#[derive(Debug)]
pub(super) enum Done {
    /// The list of this number was taken in, or not.
    TakenIn(u64, Result<Taken, Failure>),
    /// A table was compiled, or not.
    Compiled(Box<Result<Prepared, PublishError>>),
}

/// Everything that is being done.
#[derive(Debug, Default)]
pub(super) struct Work {
    fetcher: Fetcher,
    intakes: JoinSet<(u64, Result<Taken, Failure>)>,
    compiling: Option<JoinHandle<Result<Prepared, PublishError>>>,
}

impl Work {
    /// Nothing is being done yet.
    pub(super) fn new(fetcher: Fetcher) -> Self {
        Self { fetcher, ..Self::default() }
    }

    /// How lists are fetched.
    pub(super) const fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// Begins to take lists in.
    pub(super) fn take_in(&mut self, tasks: Vec<(u64, Task)>) {
        for (number, task) in tasks {
            let fetcher = self.fetcher.clone();
            self.intakes.spawn(async move { (number, intake::run(&fetcher, task).await) });
        }
    }

    /// Begins to compile. What is being compiled comes to nothing.
    pub(super) fn compile(&mut self, draft: Draft) {
        self.compiling = Some(spawn_blocking(|| draft.prepare()));
    }

    /// What is being compiled comes to nothing.
    pub(super) fn forget_compiling(&mut self) {
        self.compiling = None;
    }

    /// Whether a table is being compiled.
    pub(super) const fn is_compiling(&self) -> bool {
        self.compiling.is_some()
    }

    /// The next thing that is done; waits for good if there is nothing to do. May be dropped at any time.
    pub(super) async fn next(&mut self) -> Done {
        let compiled = async {
            match &mut self.compiling {
                Some(compiling) => compiling.await,
                None => pending().await,
            }
        };
        tokio::select! {
            Some(taken) = self.intakes.join_next() => {
                let (number, result) = sound(taken);
                Done::TakenIn(number, result)
            }
            compiled = compiled => {
                self.compiling = None;
                Done::Compiled(Box::new(sound(compiled)))
            }
        }
    }
}

/// What a task gave; one that panicked takes the daemon with it, the filter stays.
fn sound<T>(joined: Result<T, tokio::task::JoinError>) -> T {
    match joined {
        Ok(value) => value,
        // Nobody cancels what is waited for.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
