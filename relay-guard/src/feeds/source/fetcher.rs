//! The one entry to all kinds of source.

use tokio::task;

use super::content::{Budget, Content, Document, Fetched, Limit, Validators};
use super::{FetchError, Proxies, Source, command, files, http, unpack};

/// Fetches from any source. Needs a tokio runtime with I/O and time; reading files and unpacking go to its blocking
/// threads, so that a current-thread runtime goes on meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Fetcher {
    proxies: Proxies,
}

impl Fetcher {
    /// One that reaches web servers by `proxies`.
    #[must_use]
    pub const fn new(proxies: Proxies) -> Self {
        Self { proxies }
    }

    /// Fetches all content of `source`, at most `limit`.
    ///
    /// `known` are the validators that came with the content that the caller still has, one for each URL; empty to
    /// fetch whatever there is. Only web servers can answer [`Fetched::NotModified`].
    ///
    /// Dropping the future ends the fetch; a command is killed then. A name that is being resolved, or a file that is
    /// being read, goes on in the background and comes to nothing.
    ///
    /// # Errors
    /// [`FetchError`]; nothing is given of content that is not whole.
    pub async fn fetch(
        &self,
        source: &Source,
        known: &[Validators],
        limit: Limit,
    ) -> Result<Fetched, FetchError> {
        let content = match source {
            Source::File(path) => {
                let path = path.clone();
                blocking(move || files::read_file(&path, limit)).await?
            }
            Source::Directory(path) => {
                let path = path.clone();
                blocking(move || files::read_directory(&path, limit)).await?
            }
            Source::Http(source) => return http::fetch(source, &self.proxies, known, limit).await,
            Source::Command(command) => {
                let budget = Budget::new(limit);
                let name = source.to_string();
                let bytes = finish(&name, command::run(command, &budget).await?, budget).await?;
                Content { documents: vec![Document::new(name, bytes)] }
            }
        };
        Ok(Fetched::Content(content))
    }

    /// [`Fetcher::fetch`] without conditions, for programs that have no runtime; must not be called on one.
    ///
    /// # Errors
    /// [`FetchError`], as [`Fetcher::fetch`]; [`FetchError::Unusable`] when no runtime can be had.
    pub fn fetch_blocking(&self, source: &Source, limit: Limit) -> Result<Content, FetchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|cause| FetchError::Unusable {
            what: source.to_string(),
            cause: format!("no event loop: {cause}"),
        })?;
        let fetched = runtime.block_on(self.fetch(source, &[], limit));
        // A resolver that does not answer is not waited for.
        runtime.shutdown_background();
        match fetched? {
            Fetched::Content(content) => Ok(content),
            Fetched::NotModified => unreachable!("asked for without a condition"),
        }
    }
}

/// Unpacks and checks content that has come, off the event loop when that takes long.
pub(super) async fn finish(name: &str, bytes: Vec<u8>, budget: Budget) -> Result<Vec<u8>, FetchError> {
    if !unpack::is_packed(&bytes) {
        return unpack::content(name, bytes, &budget);
    }
    let name = name.to_owned();
    blocking(move || unpack::content(&name, bytes, &budget)).await
}

/// Runs `work` on a thread for blocking work.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    match task::spawn_blocking(work).await {
        Ok(done) => done,
        // It can only have panicked: nobody cancels it, and at a shutdown this future is gone as well.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
