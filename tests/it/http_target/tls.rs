//! A certificate that does not hold is for people to put right, not for another attempt.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
};

use rustls::{
    ServerConfig, ServerConnection, Stream,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use simpul::connector::Class;

use super::bench::{send, target};

/// Made for these tests: `localhost` and nothing else, by an authority nobody else knows.
const AUTHORITY: &str = include_str!("tls/ca.pem");
const CERTIFICATE: &str = include_str!("tls/server.pem");
const KEY: &str = include_str!("tls/server.key");

/// Answers one connection with 200, if it is accepted.
fn server() -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = Stream::new(&mut connection, &mut tcp);
        let mut call = [0; 4096];
        if stream.read(&mut call).is_ok() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    address
}

fn with_authority(url: &str) -> String {
    let pem = AUTHORITY.replace('\n', "\n  ");
    format!("url: {url}\nca: |\n  {}\ntargets: {{ x: {{ post: / }} }}", pem.trim_end())
}

#[tokio::test]
async fn a_certificate_of_the_named_authority_is_trusted() {
    let address = server();
    let yaml = with_authority(&format!("https://localhost:{}", address.port()));
    assert_eq!(send(&target(&yaml, address), "{}").await.unwrap().summary, "200");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_misconfigured() {
    let address = server();
    let yaml = with_authority(&format!("https://127.0.0.1:{}", address.port()));
    let error = send(&target(&yaml, address), "{}").await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured, "{error}");
    assert!(error.reason.contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_misconfigured() {
    let address = server();
    // Some authority has to be trusted, or a machine without any would refuse the file: the
    // server's own certificate is none.
    let yaml = with_authority(&format!("https://localhost:{}", address.port()));
    let yaml = yaml.replace(&AUTHORITY.replace('\n', "\n  "), &CERTIFICATE.replace('\n', "\n  "));
    let error = send(&target(&yaml, address), "{}").await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured, "{error}");
}

#[tokio::test]
async fn one_who_speaks_no_tls_is_unavailable() {
    let system = super::System::new(["HTTP/1.1 400 broken\r\n\r\n"]).await;
    let yaml = with_authority(&format!("https://localhost:{}", system.address.port()));
    let error = send(&target(&yaml, system.address), "{}").await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable, "{error}");
}
