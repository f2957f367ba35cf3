//! What an answer's status and header say (RFC 9110).

use std::time::{Duration, SystemTime};

use reqwest::header::{ETAG, HeaderMap, HeaderName, LAST_MODIFIED, LOCATION, RETRY_AFTER};
use url::Url;

use super::address::{check_url, same_server, shown};
use super::{RedirectFault, Validators};

/// The longest time that a server can make us wait by `Retry-After`.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest entity tag or date that is kept; a longer one is as good as none.
pub const MAX_VALIDATOR_BYTES: usize = 1024;

/// What to ask with the next time.
pub(super) fn validators(header: &HeaderMap) -> Validators {
    let text = |name: HeaderName| {
        let value = header.get(name)?.to_str().ok()?.trim();
        (!value.is_empty() && value.len() <= MAX_VALIDATOR_BYTES).then(|| value.to_owned())
    };
    Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
}

/// How long the server asks to wait: seconds or a date (RFC 9110, section 10.2.3), bounded.
pub(super) fn retry_after(header: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = header.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Nothing but digits: what does not fit is very long.
        Duration::from_secs(value.parse().unwrap_or(if value.is_empty() { 0 } else { u64::MAX }))
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Where the answer to a request for `from` redirects to.
pub(super) fn redirect_target(from: &Url, header: &HeaderMap) -> Result<Url, RedirectFault> {
    let location = header.get(LOCATION).ok_or(RedirectFault::Nowhere)?;
    let unusable = |cause: &str| RedirectFault::Unusable(cause.to_owned());
    let location = std::str::from_utf8(location.as_bytes()).map_err(|_| unusable("it is not UTF-8"))?;
    let mut target = from.join(location).map_err(|cause| unusable(&cause.to_string()))?;
    check_url(&target).map_err(|cause| unusable(&cause.to_string()))?;
    if from.scheme() == "https" && target.scheme() == "http" {
        return Err(RedirectFault::Insecure(shown(&target)));
    }
    // The user and password are ours to give, to the server that they are for, never the server's.
    let (user, password) =
        if same_server(from, &target) { (from.username(), from.password()) } else { ("", None) };
    // These fail for URLs without a host only.
    let _ = target.set_username(user);
    let _ = target.set_password(password);
    Ok(target)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn header(name: HeaderName, value: &[u8]) -> HeaderMap {
        [(name, HeaderValue::from_bytes(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn retry_after_in_seconds_or_as_a_date_within_a_day() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("86400", Some(86_400)),
            ("86401", Some(86_400)),
            ("99999999999999999999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Mon, 06 Nov 2034 08:49:37 GMT", Some(86_400)),
            ("", Some(0)),
            ("-1", None),
            ("soon", None),
            ("1.5", None),
        ] {
            let wait = retry_after(&header(RETRY_AFTER, value.as_bytes()), now);
            assert_eq!(wait, expected.map(Duration::from_secs), "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn redirects_lead_on_but_never_to_less() {
        let user = "https://user:pass@a.example/x/list?key";
        for (from, location, expected) in [
            ("http://a.example/x", "/y", Ok("http://a.example/y")),
            ("http://a.example/x", "https://b.example/", Ok("https://b.example/")),
            ("http://a.example/x/y", "z?q", Ok("http://a.example/x/z?q")),
            ("https://a.example/x", "//b.example/y", Ok("https://b.example/y")),
            (user, "/y", Ok("https://user:pass@a.example/y")),
            (user, "https://a.example/y", Ok("https://user:pass@a.example/y")),
            (user, "https://b.example/y", Ok("https://b.example/y")),
            (user, "https://a.example:444/y", Ok("https://a.example:444/y")),
            ("http://a.example/", "http://evil:x@b.example/", Ok("http://b.example/")),
            (
                "https://a.example/",
                "http://a.example/?k",
                Err("from https to http://a.example/?…; give that URL if it is to be trusted"),
            ),
            (
                "https://a.example/",
                "file:///etc/shadow",
                Err("to a URL that cannot be fetched: only http and https can be fetched"),
            ),
            ("https://a.example/", "https://", Err("to a URL that cannot be fetched: empty host")),
        ] {
            let target = redirect_target(&Url::parse(from).unwrap(), &header(LOCATION, location.as_bytes()));
            let target = target.map(|url| url.to_string()).map_err(|fault| fault.to_string());
            assert_eq!(target, expected.map(str::to_owned).map_err(str::to_owned), "{from} to {location}");
        }
        let from = Url::parse("http://a.example/").unwrap();
        assert_eq!(redirect_target(&from, &HeaderMap::new()), Err(RedirectFault::Nowhere));
        let error = redirect_target(&from, &header(LOCATION, b"/\xff")).unwrap_err();
        assert_eq!(error, RedirectFault::Unusable("it is not UTF-8".to_owned()));
    }

    #[test]
    fn validators_are_kept_as_written_unless_they_are_absurd() {
        let long = vec![b'x'; MAX_VALIDATOR_BYTES + 1];
        for (value, expected) in [
            (&b"\"abc\""[..], Some("\"abc\"")),
            (b"W/\"abc\"", Some("W/\"abc\"")),
            (b"", None),
            (b"\"\xff\"", None),
            (&long, None),
        ] {
            let found = validators(&header(ETAG, value));
            assert_eq!(found, Validators { etag: expected.map(str::to_owned), last_modified: None });
        }
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let found = validators(&header(LAST_MODIFIED, date.as_bytes()));
        assert_eq!(found, Validators { etag: None, last_modified: Some(date.to_owned()) });
    }
}
