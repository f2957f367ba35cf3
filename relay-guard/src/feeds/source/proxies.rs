//! Which proxy leads to a server: what the usual environment variables say, read once and given as a value.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use thiserror::Error;
use url::Url;

use super::address::shown;

/// The proxies to use; none by default.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    /// Hosts, domains and networks to reach without one, as curl reads `no_proxy`.
    except: String,
}

/// A proxy variable that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot use the proxy that {variable} names: {cause}")]
pub struct ProxyFault {
    /// The environment variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub cause: &'static str,
}

impl Proxies {
    /// What this process's environment says.
    ///
    /// # Errors
    /// [`ProxyFault`], as [`Proxies::from_variables`].
    pub fn from_environment() -> Result<Self, ProxyFault> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// What the variables say that `get` gives: `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, and, but for the
    /// first, which a CGI request could set (`Proxy:` becomes `HTTP_PROXY`), also in capitals.
    ///
    /// # Errors
    /// [`ProxyFault`] for a proxy that is no `http` or `https` URL.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyFault> {
        let first = |names: &[&'static str]| {
            let set = names.iter().filter_map(|name| Some((*name, get(name)?.trim().to_owned())));
            set.filter(|(_, value)| !value.is_empty()).find_map(Some)
        };
        let proxy = |names: &[&'static str]| match first(names) {
            Some((variable, value)) => parse(variable, &value).map(Some),
            None => Ok(None),
        };
        let http = proxy(&["http_proxy", "all_proxy", "ALL_PROXY"])?;
        let https = proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?;
        let except = first(&["no_proxy", "NO_PROXY"]).map(|(_, value)| value).unwrap_or_default();
        Ok(Self { http, https, except })
    }

    /// The proxy that leads to `url`, if one does.
    pub(super) fn to(&self, url: &Url) -> Option<&Url> {
        let proxy = if url.scheme() == "https" { self.https.as_ref() } else { self.http.as_ref() }?;
        // The rule below takes it for names alone; curl for addresses too.
        if self.except.split(',').any(|host| host.trim() == "*") {
            return None;
        }
        let uri = url.as_str().parse().ok()?;
        let rule = Matcher::builder().all("http://proxy.invalid").no(self.except.as_str()).build();
        rule.intercept(&uri).map(|_| proxy)
    }
}

/// A proxy's URL may hold a password.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.http.as_ref().map(shown))
            .field("https", &self.https.as_ref().map(shown))
            .field("except", &self.except)
            .finish()
    }
}

/// A bare `host:port` is an `http` proxy, as for curl.
fn parse(variable: &'static str, value: &str) -> Result<Url, ProxyFault> {
    let fault = |cause| ProxyFault { variable, cause };
    let text = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let url = Url::parse(&text).map_err(|_| fault("it is not a URL"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        "http" | "https" => Err(fault("it names no host")),
        _ => Err(fault("only http and https proxies are supported")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, ProxyFault> {
        Proxies::from_variables(|name| {
            variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_right_proxy_for_each_url() {
        let http = ("http_proxy", "http://web.example:3128");
        let https = ("https_proxy", "tls.example:8080");
        let no = ("no_proxy", "localhost,.internal.example,192.0.2.0/24, 2001:db8::/32");
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, Option<&'a str>);
        let cases: &[Case<'_>] = &[
            (&[], "http://a.example/", None),
            (&[http, https], "http://a.example/", Some("http://web.example:3128/")),
            (&[http, https], "https://a.example/", Some("http://tls.example:8080/")),
            (&[http], "https://a.example/", None),
            (&[("http_proxy", " ")], "http://a.example/", None),
            (&[("HTTP_PROXY", "evil.example")], "http://a.example/", None),
            (&[("HTTPS_PROXY", "big.example")], "https://a.example/", Some("http://big.example/")),
            (
                &[https, ("HTTPS_PROXY", "big.example")],
                "https://a.example/",
                Some("http://tls.example:8080/"),
            ),
            (&[("ALL_PROXY", "https://all.example")], "http://a.example/", Some("https://all.example/")),
            (&[http, no], "http://localhost:8000/", None),
            (&[http, no], "http://a.internal.example/", None),
            (&[http, no], "http://internal.example.org/", Some("http://web.example:3128/")),
            (&[http, no], "http://192.0.2.77/", None),
            (&[http, no], "http://198.51.100.1/", Some("http://web.example:3128/")),
            (&[http, no], "http://[2001:db8::1]/", None),
            (&[http, ("NO_PROXY", "*")], "http://a.example/", None),
            (&[http, ("NO_PROXY", "a, *")], "http://192.0.2.1/", None),
        ];
        for (variables, url, expected) in cases {
            let proxies = proxies(variables).unwrap();
            let url = Url::parse(url).unwrap();
            assert_eq!(proxies.to(&url).map(Url::as_str), *expected, "{variables:?} {url}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_said_by_its_variable() {
        for (name, value, expected) in [
            ("http_proxy", "socks5://a.example", "only http and https proxies are supported"),
            ("https_proxy", "http://", "it is not a URL"),
            ("all_proxy", "a b", "it is not a URL"),
        ] {
            let fault = proxies(&[(name, value)]).unwrap_err();
            assert_eq!(fault.to_string(), format!("cannot use the proxy that {name} names: {expected}"));
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let proxies = proxies(&[("http_proxy", "http://user:secret@web.example:3128")]).unwrap();
        let debug = format!("{proxies:?}");
        assert!(
            debug.contains("web.example") && !debug.contains("secret") && !debug.contains("user"),
            "{debug}"
        );
    }
}
