//! URLs: which are accepted, what of them may be shown, and which belong to one server.

use thiserror::Error;
use url::Url;

/// Why a URL cannot be fetched from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UrlFault {
    /// Neither `http` nor `https`.
    #[error("only http and https can be fetched")]
    Scheme,
    /// There is no host in it.
    #[error("it names no host")]
    Host,
}

/// Whether `url` can be fetched from.
///
/// # Errors
/// [`UrlFault`], if it cannot.
pub fn check_url(url: &Url) -> Result<(), UrlFault> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlFault::Scheme);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(UrlFault::Host);
    }
    Ok(())
}

/// `url` as a message may show it: without user, password and fragment, and with `?…` for a query, which may be a key.
#[must_use]
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    // These fail for URLs without a host only, which have no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let query = url.query().is_some();
    url.set_query(None);
    if query { format!("{url}?…") } else { url.to_string() }
}

/// Whether what is meant for the server of `from` may be sent to that of `to`: the same one, or the same with TLS.
pub(super) fn same_server(from: &Url, to: &Url) -> bool {
    if from.host() != to.host() {
        return false;
    }
    let place = |url: &Url| (url.scheme().to_owned(), url.port_or_known_default());
    let upgraded =
        place(from) == ("http".to_owned(), Some(80)) && place(to) == ("https".to_owned(), Some(443));
    place(from) == place(to) || upgraded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn only_web_addresses_with_a_host_are_accepted() {
        assert_eq!(check_url(&url("https://example.org/x")), Ok(()));
        assert_eq!(check_url(&url("http://[2001:db8::1]:8080/")), Ok(()));
        assert_eq!(check_url(&url("ftp://example.org/x")), Err(UrlFault::Scheme));
        assert_eq!(check_url(&url("file:///etc/passwd")), Err(UrlFault::Scheme));
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        for (full, expected) in [
            ("https://example.org/list.txt", "https://example.org/list.txt"),
            ("https://user:secret@example.org/list", "https://example.org/list"),
            ("https://user@example.org:8443/list", "https://example.org:8443/list"),
            ("https://example.org/list?key=secret", "https://example.org/list?…"),
            ("https://example.org/list?key=secret#secret", "https://example.org/list?…"),
            ("https://example.org/list#secret", "https://example.org/list"),
        ] {
            assert_eq!(shown(&url(full)), expected);
        }
    }

    #[test]
    fn one_server_is_one_host_and_port_and_never_less_safe() {
        for (from, to, expected) in [
            ("https://a.example/x", "https://a.example/y?z", true),
            ("https://a.example/", "https://a.example:443/", true),
            ("http://a.example/", "https://a.example/", true),
            ("http://a.example:80/", "https://a.example:443/", true),
            ("https://a.example/", "http://a.example/", false),
            ("https://a.example/", "https://a.example:8443/", false),
            ("http://a.example/", "https://a.example:8443/", false),
            ("http://a.example:8080/", "https://a.example/", false),
            ("https://a.example/", "https://b.a.example/", false),
            ("https://a.example/", "https://b.example/", false),
        ] {
            assert_eq!(same_server(&url(from), &url(to)), expected, "{from} to {to}");
        }
    }
}
