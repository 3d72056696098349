//! The HTTP client of one system: its connections, what it trusts, what it never does.

use std::{sync::Arc, time::Duration};

use reqwest::Client;
use rustls::{
    ClientConfig, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;

use super::{
    address::CheckedNames,
    certificate::{Noting, Until},
};

/// How long connecting may take, name look-up and TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an unused connection is kept: shorter than most servers do, so that we seldom send
/// into one that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Unused connections kept for a system.
const IDLE_CONNECTIONS_MAX: usize = 32;

/// Headers that an answer may have.
const ANSWER_HEADERS_MAX: usize = 100;

/// Makes the client of one system. `ca`: authorities to trust instead of the operating system's.
/// `until` is told when the certificate ends that the system shows.
///
/// # Errors
///
/// Why there can be none, for the author of the file.
pub(super) fn client(
    https: bool,
    ca: Option<&str>,
    private: bool,
    until: &Arc<Until>,
) -> Result<Client, String> {
    let provider = Arc::new(ring::default_provider());
    let tls = tls(https, ca, provider, until)?;
    Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_max_headers(ANSWER_HEADERS_MAX)
        .dns_resolver(Arc::new(CheckedNames { private }))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        // The engine tries again, and flags it; a client that does so on its own is neither.
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .user_agent(concat!("simpul/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| super::super::reason(&error.without_url()))
}

fn tls(
    https: bool,
    ca: Option<&str>,
    provider: Arc<CryptoProvider>,
    until: &Arc<Until>,
) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|it| it.to_string())?;
    let verifier: Option<Arc<dyn ServerCertVerifier>> = match ca {
        // An http:// system needs no authorities, and a machine may have none.
        None if https => Some(Arc::new(Verifier::new(provider).map_err(|it| it.to_string())?)),
        None => None,
        Some(pem) => {
            let trusted = Arc::new(authorities(pem).map_err(|it| it.to_string())?);
            let verifier = WebPkiServerVerifier::builder_with_provider(trusted, provider);
            Some(verifier.build().map_err(|it| it.to_string())?)
        }
    };
    let mut config = match verifier {
        Some(verifier) => {
            let noting = Noting { verifier, until: Arc::clone(until) };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(noting))
        }
        None => builder.with_root_certificates(RootCertStore::empty()),
    }
    .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn authorities(pem: &str) -> Result<RootCertStore, rustls::Error> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| rustls::Error::General(error.to_string()))?;
        store.add(certificate)?;
    }
    match store.is_empty() {
        true => Err(rustls::Error::General("no certificate in it".to_owned())),
        false => Ok(store),
    }
}
