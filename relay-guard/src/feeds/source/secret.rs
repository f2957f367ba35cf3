//! Tokens and header values that are kept in files of their own: read when they are needed, never shown.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use reqwest::header::{HeaderName, HeaderValue};

use super::FetchError;
use crate::lists::source;
use crate::lists::source::os_words;

/// The most bytes of a file that holds a secret.
pub const MAX_SECRET_BYTES: u64 = 4096;

/// What an error calls [`MAX_SECRET_BYTES`].
const LIMIT_NAME: &str = "a secret is one short line";

/// Headers that say how the request itself is to be read; another value in them would break it.
const RESERVED: [&str; 12] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "if-modified-since",
    "if-none-match",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a request may carry an additional header of this name.
///
/// # Errors
/// What is wrong with it.
pub fn check_header_name(name: &str) -> Result<(), &'static str> {
    header_name(name).map(|_| ())
}

pub(super) fn header_name(name: &str) -> Result<HeaderName, &'static str> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "it is not the name of a header")?;
    if RESERVED.contains(&name.as_str()) {
        return Err("this header is set by the program itself");
    }
    Ok(name)
}

/// The one line of printable ASCII that `file` holds, without blanks at its ends.
///
/// # Errors
/// [`FetchError::Secret`] and [`FetchError::File`]: everybody may use it, it cannot be read, or it holds something else. None
/// shows what it holds.
pub fn secret_line(file: &Path) -> Result<String, FetchError> {
    let refuse = |cause: &str| FetchError::Secret { file: file.to_owned(), cause: cause.to_owned() };
    let mode = std::fs::metadata(file).map_err(|cause| refuse(&os_words(&cause)))?.mode();
    if mode & 0o007 != 0 {
        return Err(refuse("everybody may use that file; take the rights of others away (chmod o= FILE)"));
    }
    let content = source::read(file, MAX_SECRET_BYTES, LIMIT_NAME)?;
    let text = content.bytes.trim_ascii();
    if text.is_empty() {
        return Err(refuse("it is empty"));
    }
    // No control characters, so no line ends, which would start a header of their own.
    if !text.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return Err(refuse("it must be one line of printable ASCII"));
    }
    Ok(text.iter().copied().map(char::from).collect())
}

/// The line of `file`, behind `prefix`, as the value of a header that is never shown.
pub(super) fn read(file: &Path, prefix: &str) -> Result<HeaderValue, FetchError> {
    let line = secret_line(file)?;
    let mut value = HeaderValue::try_from(format!("{prefix}{line}")).map_err(|_| FetchError::Secret {
        file: file.to_owned(),
        cause: "it cannot be the value of a header".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(content: &[u8], mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn one_line_is_taken_without_its_end_and_never_shown() {
        for content in ["tok en", "tok en\n", " tok en\r\n"] {
            let value = read(file(content.as_bytes(), 0o640).path(), "Bearer ").unwrap();
            assert_eq!(value.as_bytes(), b"Bearer tok en");
            assert!(!format!("{value:?}").contains("tok"), "{value:?}");
        }
    }

    #[test]
    fn other_files_are_refused_without_showing_them() {
        let large = vec![b's'; 4097];
        for (content, mode, expected) in [
            (&b"secret"[..], 0o604, "everybody may use that file"),
            (b"secret", 0o602, "everybody may use that file"),
            (b"", 0o600, "it is empty"),
            (b" \n", 0o600, "it is empty"),
            (b"secret\nX-Evil: 1", 0o600, "one line of printable ASCII"),
            (b"secret\0", 0o600, "one line of printable ASCII"),
            (b"s\xe9cret", 0o600, "one line of printable ASCII"),
            (&large, 0o600, "larger than 4096 bytes (a secret is one short line)"),
        ] {
            let error = read(file(content, mode).path(), "").unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("secret\n"), "{error}");
        }
        let error = read(Path::new("/nonexistent/token"), "").unwrap_err();
        assert_eq!(error.kind(), "secret");
        assert_eq!(
            error.to_string(),
            "cannot use the secret in /nonexistent/token: No such file or directory"
        );
    }

    #[test]
    fn header_names_that_would_change_the_request_are_refused() {
        for good in ["X-Api-Key", "authorization", "cookie"] {
            assert_eq!(check_header_name(good), Ok(()), "{good}");
        }
        for bad in ["", "a b", "a:b", "Host", "Content-Length", "transfer-encoding", "If-None-Match", "ä"] {
            assert!(check_header_name(bad).is_err(), "{bad}");
        }
    }
}
