//! Whose certificates are trusted: the system's authorities, and those of a file.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::FetchError;
use super::error::quoted;
use crate::lists::source;

/// The most bytes of a file with certificates; a whole system's bundle has a quarter of it.
const MAX_CA_BYTES: u64 = 1 << 20;

/// What an error calls [`MAX_CA_BYTES`].
const LIMIT_NAME: &str = "a file of certificates";

/// A TLS client that trusts the system's authorities and those in `ca_file`. Reads files.
pub(super) fn everybody(ca_file: Option<&Path>) -> Result<ClientConfig, FetchError> {
    let mut roots = RootCertStore::empty();
    // Some bundles hold certificates that rustls does not take; the others are of use nonetheless.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca_file {
        add_file(&mut roots, file)?;
    }
    Ok(with_roots(roots))
}

/// A TLS client that trusts nobody, for connections that do not use it.
pub(super) fn nobody() -> ClientConfig {
    with_roots(RootCertStore::empty())
}

fn with_roots(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn add_file(roots: &mut RootCertStore, file: &Path) -> Result<(), FetchError> {
    let refuse = |cause: String| FetchError::CaFile { file: file.to_owned(), cause };
    let content = source::read(file, MAX_CA_BYTES, LIMIT_NAME)?;
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(&content.bytes) {
        let certificate =
            certificate.map_err(|cause| refuse(format!("not PEM: {}", quoted(&cause.to_string()))))?;
        roots.add(certificate).map_err(|cause| refuse(quoted(&cause.to_string())))?;
    }
    if roots.len() == before {
        return Err(refuse(
            "there is no certificate in it; give PEM (-----BEGIN CERTIFICATE-----)".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_good_certificates_is_refused() {
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let open = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        let base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        for (content, expected) in [
            ("", "no certificate in it"),
            ("hello", "no certificate in it"),
            (damaged, ""),
            (open, "not PEM"),
            (base64, "not PEM"),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), content).unwrap();
            let error = everybody(Some(file.path())).unwrap_err();
            assert_eq!(error.kind(), "ca-file", "{error}");
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert_eq!(everybody(Some(Path::new("/nonexistent.pem"))).unwrap_err().kind(), "file");
    }
}
