//! The commands' side of the control socket.

use std::{io, path::Path, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::net::UnixStream;

use super::{SOCKET, api::Failure};

/// How long the daemon may take: it compiles large lists between requests.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer, bytes.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("the daemon is not running (no answer at {0}); start it with `relay-guard run`")]
    NotRunning(String),
    /// The socket may not be used.
    #[error("{0}: permission denied; run as root")]
    Denied(String),
    /// The daemon knows of no such thing.
    #[error("{0}")]
    Unknown(String),
    /// The daemon said no.
    #[error("{0}")]
    Refused(String),
    /// Anything else.
    #[error("talking to the daemon failed: {0}")]
    Failed(String),
}

/// Sends a request to the daemon of a run directory and reads its answer.
///
/// # Errors
/// [`ClientError`].
pub fn call<T: DeserializeOwned>(
    run_dir: &Path,
    method: Method,
    path: &str,
    body: Option<&impl Serialize>,
) -> Result<T, ClientError> {
    call_within(TIMEOUT, run_dir, method, path, body)
}

/// As [`call`], for what may take longer, such as fetching.
///
/// # Errors
/// [`ClientError`].
pub fn call_within<T: DeserializeOwned>(
    time: Duration,
    run_dir: &Path,
    method: Method,
    path: &str,
    body: Option<&impl Serialize>,
) -> Result<T, ClientError> {
    let failed = |error: &dyn std::fmt::Display| ClientError::Failed(error.to_string());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    let body = match body {
        Some(body) => serde_json::to_vec(body).map_err(|error| failed(&error))?,
        None => Vec::new(),
    };
    runtime.block_on(async {
        match tokio::time::timeout(time, exchange(run_dir, method, path, body)).await {
            Ok(result) => result,
            Err(_) => Err(ClientError::Failed(format!("no answer within {} s", time.as_secs()))),
        }
    })
}

async fn exchange<T: DeserializeOwned>(
    run_dir: &Path,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<T, ClientError> {
    let socket = run_dir.join(SOCKET);
    let stream = UnixStream::connect(&socket).await.map_err(|error| unreachable(&socket, &error))?;
    let failed = |error: &dyn std::fmt::Display| ClientError::Failed(error.to_string());
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "relay-guard")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| failed(&error))?;
    let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), ANSWER_LIMIT);
    let answer = answer.collect().await.map_err(|error| failed(&error))?.to_bytes();
    if status.is_success() {
        return serde_json::from_slice(&answer).map_err(|error| failed(&error));
    }
    match serde_json::from_slice::<Failure>(&answer) {
        Ok(failure) if status == StatusCode::NOT_FOUND => Err(ClientError::Unknown(failure.error)),
        Ok(failure) => Err(ClientError::Refused(failure.error)),
        Err(_) => Err(ClientError::Failed(format!("{status}: {}", String::from_utf8_lossy(&answer)))),
    }
}

fn unreachable(socket: &Path, error: &io::Error) -> ClientError {
    let socket = socket.display().to_string();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NotRunning(socket),
        io::ErrorKind::PermissionDenied => ClientError::Denied(socket),
        _ => ClientError::Failed(format!("{socket}: {error}")),
    }
}
