//! Lists on web servers: conditional requests, redirects followed here and not by the client (so that secrets stay with
//! the server that they are for), and a body that is counted as it comes.
//!
//! The header of an answer is bounded by the client: 100 fields, some 400 KiB.

use std::time::{Duration, SystemTime};

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy, Response};
use rustls::ClientConfig;
use tokio::time;
use url::Url;

use super::address::{check_url, same_server, shown};
use super::causes::{self, Way};
use super::content::{Budget, Content, Document, Fetched, Validators};
use super::fetcher::{blocking, finish};
use super::{FetchError, HttpSource, Limit, Proxies, RedirectFault, response, secret, trust};

/// The most redirects that are followed for one document.
pub const MAX_REDIRECTS: usize = 5;

/// How long a connection may take to be there, name and encryption included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// What servers see in their logs.
const USER_AGENT: &str = concat!("relay-guard/", env!("CARGO_PKG_VERSION"));

/// Fetches all documents of `source`. `known` are their validators, in the same order; others are ignored.
pub(super) async fn fetch(
    source: &HttpSource,
    proxies: &Proxies,
    known: &[Validators],
    limit: Limit,
) -> Result<Fetched, FetchError> {
    let what = || source.urls.first().map_or_else(|| "no URL".to_owned(), shown);
    let documents = async {
        let mut request = Request::prepare(source, proxies).await?;
        request.all(known, limit).await
    };
    let fetched = time::timeout(source.timeout, documents).await;
    fetched.unwrap_or_else(|_| {
        Err(FetchError::Timeout { what: what(), stage: "no complete answer came", limit: source.timeout })
    })
}

/// A source with its secrets read.
struct Request<'a> {
    source: &'a HttpSource,
    proxies: &'a Proxies,
    secrets: HeaderMap,
    /// Made when it is first needed: it takes reading all certificates of the system.
    tls: Option<ClientConfig>,
}

/// What came for one URL.
enum Answer {
    Document(Document),
    NotModified,
}

impl<'a> Request<'a> {
    async fn prepare(source: &'a HttpSource, proxies: &'a Proxies) -> Result<Self, FetchError> {
        let unusable = |what: String, cause: &str| FetchError::Unusable { what, cause: cause.to_owned() };
        if source.urls.is_empty() {
            return Err(unusable("the list".to_owned(), "no URL is given"));
        }
        for url in &source.urls {
            check_url(url).map_err(|cause| unusable(shown(url), &cause.to_string()))?;
        }
        let named = source.header.as_ref().map(|(name, file)| {
            let header = secret::header_name(name);
            header
                .map(|header| (header, file.clone()))
                .map_err(|cause| unusable(format!("with header {name:?}"), cause))
        });
        let (named, bearer) = (named.transpose()?, source.bearer_file.clone());
        let secrets = blocking(move || {
            let mut secrets = HeaderMap::new();
            if let Some(file) = bearer {
                secrets.insert(AUTHORIZATION, secret::read(&file, "Bearer ")?);
            }
            if let Some((header, file)) = named {
                secrets.insert(header, secret::read(&file, "")?);
            }
            Ok(secrets)
        });
        Ok(Self { source, proxies, secrets: secrets.await?, tls: None })
    }

    async fn all(&mut self, known: &[Validators], limit: Limit) -> Result<Fetched, FetchError> {
        let urls = &self.source.urls;
        let known = if known.len() == urls.len() { known } else { &[] };
        let mut budget = Budget::new(limit);
        let mut documents = Vec::with_capacity(urls.len());
        for (index, url) in urls.iter().enumerate() {
            let conditions = known.get(index).map(conditions).unwrap_or_default();
            documents.push(match self.document(url, &conditions, &mut budget).await? {
                Answer::Document(document) => Some(document),
                Answer::NotModified => None,
            });
        }
        if documents.iter().all(Option::is_none) {
            return Ok(Fetched::NotModified);
        }
        // Content is given whole: where only some documents changed, the others are asked for without a condition.
        let mut content = Content::default();
        for (document, url) in documents.into_iter().zip(urls) {
            content.documents.push(match document {
                Some(document) => document,
                None => match self.document(url, &HeaderMap::new(), &mut budget).await? {
                    Answer::Document(document) => document,
                    Answer::NotModified => unreachable!("an unasked 304 is an error"),
                },
            });
        }
        Ok(Fetched::Content(content))
    }

    /// Follows `url` to its end.
    async fn document(
        &mut self,
        url: &Url,
        conditions: &HeaderMap,
        budget: &mut Budget,
    ) -> Result<Answer, FetchError> {
        let mut place = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(url, &place, conditions.clone()).await?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return answer(url, response, !conditions.is_empty(), budget).await;
            }
            place = response::redirect_target(&place, response.headers())
                .map_err(|fault| FetchError::Redirect { url: shown(url), fault })?;
        }
        Err(FetchError::Redirect { url: shown(url), fault: RedirectFault::TooOften(MAX_REDIRECTS) })
    }

    /// One request: for `place`, to which `start` has led.
    async fn ask(&mut self, start: &Url, place: &Url, mut header: HeaderMap) -> Result<Response, FetchError> {
        let proxy = self.proxies.to(place).cloned();
        let way = Way {
            url: shown(start),
            host: proxy.as_ref().unwrap_or(place).host_str().unwrap_or_default().to_owned(),
            proxy: proxy.as_ref().map(shown),
        };
        let client = self.client(place, proxy).await?;
        header.insert(ACCEPT, HeaderValue::from_static("*/*"));
        // Unpacked by what it is, as every other content.
        header.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        if same_server(start, place) {
            header.extend(self.secrets.clone());
        }
        let response = client.get(place.clone()).headers(header).send().await;
        response.map_err(|error| causes::before_answer(&error, &way))
    }

    /// A client of its own for each request: fetches are rare, and nothing of one server is kept for the next.
    async fn client(&mut self, place: &Url, proxy: Option<Url>) -> Result<Client, FetchError> {
        let encrypted =
            [Some(place), proxy.as_ref()].into_iter().flatten().any(|url| url.scheme() == "https");
        let tls = if encrypted { self.trust().await? } else { trust::nobody() };
        let unusable = |error: reqwest::Error| FetchError::Unusable {
            what: shown(place),
            cause: error.without_url().to_string(),
        };
        let mut client = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(USER_AGENT)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy();
        if let Some(proxy) = proxy {
            client = client.proxy(Proxy::all(proxy).map_err(unusable)?);
        }
        client.build().map_err(unusable)
    }

    async fn trust(&mut self) -> Result<ClientConfig, FetchError> {
        if let Some(tls) = &self.tls {
            return Ok(tls.clone());
        }
        let ca_file = self.source.ca_file.clone();
        let tls = blocking(move || trust::everybody(ca_file.as_deref())).await?;
        Ok(self.tls.insert(tls).clone())
    }
}

/// The header that asks for a document only if it has changed.
fn conditions(known: &Validators) -> HeaderMap {
    let mut header = HeaderMap::new();
    let mut add = |name: HeaderName, value: Option<&String>| {
        // What came over the network or from a damaged cache may be no header's value; then it is not asked with.
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            header.insert(name, value);
        }
    };
    add(IF_NONE_MATCH, known.etag.as_ref());
    add(IF_MODIFIED_SINCE, known.last_modified.as_ref());
    header
}

async fn answer(
    url: &Url,
    response: Response,
    conditional: bool,
    budget: &mut Budget,
) -> Result<Answer, FetchError> {
    match response.status().as_u16() {
        200 => {}
        304 if conditional => return Ok(Answer::NotModified),
        status => {
            let retry_after = response::retry_after(response.headers(), SystemTime::now());
            return Err(FetchError::Status { url: shown(url), status, retry_after });
        }
    }
    let name = shown(url);
    let validators = response::validators(response.headers());
    let packed = body(&name, response, budget).await?;
    let bytes = finish(&name, packed, *budget).await?;
    budget.spend(bytes.len());
    Ok(Answer::Document(Document { validators, ..Document::new(name, bytes) }))
}

/// The body, as it comes, within what is left.
async fn body(url: &str, mut response: Response, budget: &Budget) -> Result<Vec<u8>, FetchError> {
    let expected = response.content_length();
    if expected.is_some_and(|expected| expected > budget.left()) {
        return Err(budget.too_large(url));
    }
    // On the server's word, but within the limit; memory that is never written costs nothing.
    let mut bytes = Vec::with_capacity(usize::try_from(expected.unwrap_or(0)).unwrap_or(0));
    loop {
        let received = bytes.len() as u64;
        let chunk = response.chunk().await;
        let chunk = chunk.map_err(|error| causes::within_content(&error, url, received, expected))?;
        let Some(chunk) = chunk else { return Ok(bytes) };
        if received + chunk.len() as u64 > budget.left() {
            return Err(budget.too_large(url));
        }
        bytes.extend_from_slice(&chunk);
    }
}
