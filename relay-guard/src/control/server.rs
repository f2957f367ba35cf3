//! The daemon's side of the control socket: requests become messages to the daemon's loop.

use std::{io, net::IpAddr, os::unix::fs::PermissionsExt as _, path::Path};

use axum::{
    Json, Router,
    extract::{
        DefaultBodyLimit, Path as UrlPath, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ipnet::IpNet;
use serde::Deserialize;
use tokio::{
    net::UnixListener,
    sync::{mpsc, oneshot},
};

use super::api::{self, Failure};

/// Requests that may wait for the daemon's loop.
pub const QUEUE: usize = 64;
/// The largest request body, bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// An answer: a value, or why there is none.
pub type Answer<T> = oneshot::Sender<Result<T, String>>;

/// What the daemon's loop is asked.
#[derive(Debug)]
#[expect(missing_docs, reason = "each is the request of its name in the table of the module above")]
pub enum Request {
    Status(Answer<api::Status>),
    Refused(Answer<api::RefusedSenders>),
    Hosts(Answer<api::Hosts>),
    Host(IpAddr, Answer<Option<api::HostDetail>>),
    HostEvents(Answer<api::HostEvents>),
    Release(IpAddr, Answer<api::Released>),
    Lists(Answer<api::Lists>),
    RefreshLists(api::RefreshRequest, Answer<api::Refreshed>),
    Explain { address: IpAddr, port: Option<u16>, answer: Answer<api::Explanation> },
    Verdicts(Answer<api::VerdictList>),
    Put(api::VerdictRequest, Answer<api::VerdictAnswer>),
    Remove(IpNet, Answer<api::RemoveAnswer>),
    Dnsbl(Answer<api::Dnsbl>),
    ForgetDnsbl(api::ForgetRequest, Answer<api::Forgotten>),
    Reload(Answer<api::Done>),
    Detach(Answer<api::Done>),
}

type Requests = State<mpsc::Sender<Request>>;

/// Listens on a socket that only its owner may use.
///
/// # Errors
/// If the socket cannot be made.
pub fn listen(socket: &Path) -> io::Result<UnixListener> {
    // Left by a daemon that was killed; the lock says that it is not in use.
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves until the process ends.
///
/// # Errors
/// If accepting fails for good.
pub async fn serve(listener: UnixListener, requests: mpsc::Sender<Request>) -> io::Result<()> {
    let routes = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/refused", get(refused))
        .route("/v1/hosts", get(hosts))
        .route("/v1/hosts/events", get(host_events))
        .route("/v1/hosts/release", post(release))
        .route("/v1/hosts/{address}", get(host))
        .route("/v1/lists", get(lists))
        .route("/v1/lists/refresh", post(refresh_lists))
        .route("/v1/explain", get(explain))
        .route("/v1/verdicts", get(verdicts).post(put).delete(remove))
        .route("/v1/dnsbl", get(dnsbl))
        .route("/v1/dnsbl/forget", post(forget_dnsbl))
        .route("/v1/reload", post(reload))
        .route("/v1/detach", post(detach))
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "no such resource; see /v1/status") })
        .method_not_allowed_fallback(|| async {
            refuse(StatusCode::METHOD_NOT_ALLOWED, "this resource does not take that method")
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(requests);
    axum::serve(listener, routes).await
}

#[derive(Deserialize)]
struct ExplainQuery {
    address: IpAddr,
    port: Option<u16>,
}

#[derive(Deserialize)]
struct RemoveQuery {
    net: IpNet,
}

async fn status(State(requests): Requests) -> Response {
    ask(&requests, Request::Status).await
}

async fn refused(State(requests): Requests) -> Response {
    ask(&requests, Request::Refused).await
}

async fn hosts(State(requests): Requests) -> Response {
    ask(&requests, Request::Hosts).await
}

async fn host(State(requests): Requests, address: Result<UrlPath<IpAddr>, PathRejection>) -> Response {
    match address {
        Ok(UrlPath(address)) => {
            let address = address.to_canonical();
            match asked(&requests, |answer| Request::Host(address, answer)).await {
                Ok(Some(host)) => Json(host).into_response(),
                Ok(None) => refuse(StatusCode::NOT_FOUND, &format!("{address}: no outbound SMTP seen")),
                Err(refused) => refused,
            }
        }
        Err(rejection) => refuse(StatusCode::BAD_REQUEST, &rejection.body_text()),
    }
}

async fn host_events(State(requests): Requests) -> Response {
    ask(&requests, Request::HostEvents).await
}

async fn release(
    State(requests): Requests,
    request: Result<Json<api::ReleaseRequest>, JsonRejection>,
) -> Response {
    match request {
        Ok(Json(api::ReleaseRequest { address })) => {
            ask(&requests, |answer| Request::Release(address.to_canonical(), answer)).await
        }
        Err(rejection) => refuse(rejection.status(), &rejection.body_text()),
    }
}

async fn lists(State(requests): Requests) -> Response {
    ask(&requests, Request::Lists).await
}

async fn refresh_lists(
    State(requests): Requests,
    request: Result<Json<api::RefreshRequest>, JsonRejection>,
) -> Response {
    match request {
        Ok(Json(request)) => ask(&requests, |answer| Request::RefreshLists(request, answer)).await,
        Err(rejection) => refuse(rejection.status(), &rejection.body_text()),
    }
}

async fn explain(State(requests): Requests, query: Result<Query<ExplainQuery>, QueryRejection>) -> Response {
    match query {
        Ok(Query(ExplainQuery { address, port })) => {
            ask(&requests, |answer| Request::Explain { address, port, answer }).await
        }
        Err(rejection) => refuse(rejection.status(), &rejection.body_text()),
    }
}

async fn verdicts(State(requests): Requests) -> Response {
    ask(&requests, Request::Verdicts).await
}

async fn put(
    State(requests): Requests,
    request: Result<Json<api::VerdictRequest>, JsonRejection>,
) -> Response {
    match request {
        Ok(Json(request)) => ask(&requests, |answer| Request::Put(request, answer)).await,
        Err(rejection) => refuse(rejection.status(), &rejection.body_text()),
    }
}

async fn remove(State(requests): Requests, query: Result<Query<RemoveQuery>, QueryRejection>) -> Response {
    match query {
        Ok(Query(RemoveQuery { net })) => ask(&requests, |answer| Request::Remove(net, answer)).await,
        Err(rejection) => refuse(rejection.status(), &rejection.body_text()),
    }
}

async fn dnsbl(State(requests): Requests) -> Response {
    ask(&requests, Request::Dnsbl).await
}

async fn forget_dnsbl(
    State(requests): Requests,
    request: Result<Json<api::ForgetRequest>, JsonRejection>,
) -> Response {
    match request {
        Ok(Json(request)) => ask(&requests, |answer| Request::ForgetDnsbl(request, answer)).await,
        Err(rejection) => refuse(rejection.status(), &rejection.body_text()),
    }
}

async fn reload(State(requests): Requests) -> Response {
    ask(&requests, Request::Reload).await
}

async fn detach(State(requests): Requests) -> Response {
    ask(&requests, Request::Detach).await
}

/// Passes a request to the loop and its answer back.
async fn ask<T: serde::Serialize>(
    requests: &mpsc::Sender<Request>,
    request: impl FnOnce(Answer<T>) -> Request,
) -> Response {
    match asked(requests, request).await {
        Ok(value) => Json(value).into_response(),
        Err(refused) => refused,
    }
}

/// The loop's answer to a request, or what is said instead.
async fn asked<T>(
    requests: &mpsc::Sender<Request>,
    request: impl FnOnce(Answer<T>) -> Request,
) -> Result<T, Response> {
    let stopping = || refuse(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping");
    let (answer, answered) = oneshot::channel();
    if requests.send(request(answer)).await.is_err() {
        return Err(stopping());
    }
    match answered.await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(refuse(StatusCode::UNPROCESSABLE_ENTITY, &error)),
        Err(_) => Err(stopping()),
    }
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(Failure { error: error.replace('\n', " ") })).into_response()
}
