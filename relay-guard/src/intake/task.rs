//! Taking a list in, once.

use std::sync::Arc;
use std::time::Duration;

use super::{entries, figures, limit};
use crate::feeds::cache::{Cache, Entry};
use crate::feeds::shape::{self, Change, Figures, ShapeError};
use crate::feeds::source::{Content, FetchError, Fetched, Fetcher, Source, Validators};
use crate::lists::{ListError, ParseOptions, ParsedList};

/// What is to be taken in.
#[derive(Clone, Debug)]
pub struct Task {
    /// The list's name; its copy in the cache has it too.
    pub list: String,
    /// Where it comes from.
    pub source: Source,
    /// How it is read.
    pub options: ParseOptions,
    /// The most bytes of it.
    pub limit: u64,
    /// What came with the content that is in force; empty to fetch whatever there is.
    pub known: Vec<Validators>,
    /// The figures of the content that is in force, if there is any.
    pub before: Option<Figures>,
    /// How it may differ; none: in any way.
    pub change: Option<Change>,
    /// Where the last good copy is kept.
    pub cache: Cache,
    /// Now, seconds since the epoch.
    pub now: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Taken {
    /// The content in force is still the newest.
    Unchanged,
    /// New content.
    Content {
        /// Its entries.
        content: Arc<ParsedList>,
        /// It in figures.
        figures: Figures,
        /// What to ask with the next time.
        validators: Vec<Validators>,
        /// Whether a copy was kept.
        kept: Kept,
    },
}

/// Whether the last good copy is that of the content: `Err` says why not.
pub type Kept = Result<(), String>;

/// Why nothing was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A stable word for the cause.
    pub kind: &'static str,
    /// In one line.
    pub message: String,
    /// Whether no server was bothered.
    pub unanswered: bool,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self {
            kind: error.kind(),
            message: error.to_string(),
            unanswered: error.unanswered(),
            retry_after: error.retry_after(),
        }
    }
}

impl Failure {
    /// Content came, but it is not taken.
    pub(crate) fn of_content(kind: &'static str, message: String) -> Self {
        Self { kind, message, unanswered: false, retry_after: None }
    }
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        Self::of_content("content", error.to_string())
    }
}

/// Takes a list in: fetches, reads, judges and keeps it. Heavy work is done on a thread for blocking work.
///
/// # Errors
/// [`Failure`]; then nothing has changed, in the cache neither.
pub async fn run(fetcher: &Fetcher, mut task: Task) -> Result<Taken, Failure> {
    if !task.known.is_empty() {
        let (cache, list, source) = (task.cache.clone(), task.list.clone(), task.source.id());
        let is_kept =
            move || cache.about(&list).is_ok_and(|about| about.is_some_and(|it| it.source == source));
        if !blocking(is_kept).await {
            // Somebody has emptied the cache, say: whatever there is makes a new copy.
            task.known.clear();
        }
    }
    let content = match fetcher.fetch(&task.source, &task.known, limit(task.limit)).await? {
        Fetched::NotModified => {
            // A copy whose date could not be renewed is still a good copy, only older than need be.
            let _ = blocking(move || task.cache.touch(&task.list, task.now)).await;
            return Ok(Taken::Unchanged);
        }
        Fetched::Content(content) => content,
    };
    blocking(move || take(&task, &content)).await
}

fn take(task: &Task, content: &Content) -> Result<Taken, Failure> {
    let list = entries(content, &task.options)?;
    let figures = figures(&list);
    if let Some(change) = task.change {
        shape::judge(task.before, figures, change).map_err(|error| unbelievable(task, error))?;
    }
    let entry = Entry { source: &task.source.id(), fetched_at: task.now, figures };
    let kept = task.cache.store(&task.list, &entry, content).map_err(|error| error.to_string());
    Ok(Taken::Content { content: Arc::new(list), figures, validators: content.validators(), kept })
}

fn unbelievable(task: &Task, error: ShapeError) -> Failure {
    let accept = match error {
        ShapeError::Empty { .. } => String::new(),
        ShapeError::Shrunk { .. } | ShapeError::Grown { .. } => {
            format!(" (`relay-guard list refresh {} --accept`)", task.list)
        }
    };
    Failure::of_content("shape", format!("{}: {error}{accept}", task.source))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // It can only have panicked: nobody cancels it.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
