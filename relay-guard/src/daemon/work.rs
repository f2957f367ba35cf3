//! Work beside the loop, which may take long: taking lists in and compiling them. The loop begins it, and carries out what
//! comes of it.

use std::{future::pending, sync::Arc};

use tokio::{
    sync::Semaphore,
    task::{AbortHandle, JoinError, JoinHandle, JoinSet, spawn_blocking},
};

use super::{
    lists::AT_ONCE,
    policy::{Draft, Prepared, PublishError},
};
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
#[derive(Debug)]
pub(super) struct Work {
    fetcher: Fetcher,
    intakes: JoinSet<(u64, Result<Taken, Failure>)>,
    /// How to end them, by the numbers of their lists.
    ends: Vec<(u64, AbortHandle)>,
    /// A place for each list that is taken in; the others wait.
    places: Arc<Semaphore>,
    compiling: Option<JoinHandle<Result<Prepared, PublishError>>>,
}

impl Work {
    /// Nothing is being done yet.
    pub(super) fn new(fetcher: Fetcher) -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { fetcher, intakes: JoinSet::new(), ends: Vec::new(), places, compiling: None }
    }

    /// How lists are fetched.
    pub(super) const fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// Begins to take lists in, [`AT_ONCE`] at a time.
    pub(super) fn take_in(&mut self, tasks: Vec<(u64, Task)>) {
        for (number, task) in tasks {
            let (fetcher, places) = (self.fetcher.clone(), Arc::clone(&self.places));
            let end = self.intakes.spawn(async move {
                // Nobody closes the places.
                let _place = places.acquire().await;
                (number, intake::run(&fetcher, task).await)
            });
            self.ends.push((number, end));
        }
    }

    /// Ends the taking in of all lists but these: what came of it would be in the way of what has changed since.
    pub(super) fn end_others(&mut self, kept: &[u64]) {
        self.ends.retain(|(number, end)| {
            let stays = kept.contains(number);
            if !stays {
                end.abort();
            }
            stays
        });
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
            (number, result) = next_intake(&mut self.intakes) => {
                self.ends.retain(|(of, _)| *of != number);
                Done::TakenIn(number, result)
            }
            compiled = compiled => {
                self.compiling = None;
                Done::Compiled(Box::new(sound(compiled)))
            }
        }
    }
}

/// The next list that was taken in, or not; those that were ended are passed over.
async fn next_intake(intakes: &mut JoinSet<(u64, Result<Taken, Failure>)>) -> (u64, Result<Taken, Failure>) {
    loop {
        match intakes.join_next().await {
            Some(Err(error)) if error.is_cancelled() => {}
            Some(taken) => return sound(taken),
            None => pending().await,
        }
    }
}

/// What a task gave; one that panicked takes the daemon with it, the filter stays.
fn sound<T>(joined: Result<T, JoinError>) -> T {
    match joined {
        Ok(value) => value,
        // What is ended is not asked.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
