//! A certificate that does not hold is for people to put right, not for another attempt.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    thread,
};

use rustls::{ServerConnection, Stream};
use simpul::connector::{Class, OpenTarget};

use super::bench::{send, target};
use crate::support::tls;

/// Made for these tests: `localhost` and nothing else, by an authority nobody else knows.
const AUTHORITY: &str = include_str!("tls/ca.pem");
const ANOTHER_AUTHORITY: &str = include_str!("tls/other.pem");
const CERTIFICATE: &str = include_str!("tls/server.pem");
const KEY: &str = include_str!("tls/server.key");

/// Answers one connection with 200, if it is accepted.
fn server() -> SocketAddr {
    let config = tls::server(CERTIFICATE, KEY);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(config).unwrap();
        let mut stream = Stream::new(&mut connection, &mut tcp);
        let mut call = [0; 4096];
        if stream.read(&mut call).is_ok() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    address
}

fn trusting(authority: &str, host: &str, address: SocketAddr) -> OpenTarget {
    let pem = authority.trim_end().replace('\n', "\n  ");
    let url = format!("https://{host}:{}", address.port());
    target(&format!("url: {url}\nca: |\n  {pem}\ntargets: {{ x: {{ post: / }} }}"), address)
}

#[tokio::test]
async fn a_certificate_of_the_named_authority_is_trusted() {
    let address = server();
    let target = trusting(AUTHORITY, "localhost", address);
    assert_eq!(target.target.certificate_until(), None);
    assert_eq!(send(&target, "{}").await.unwrap().summary, "200");
    // It is known when it ends.
    assert_eq!(target.target.certificate_until().unwrap().as_millis(), 4_948_903_412_000);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_misconfigured() {
    let address = server();
    let target = trusting(AUTHORITY, "127.0.0.1", address);
    let error = send(&target, "{}").await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured, "{error}");
    assert_eq!(target.target.certificate_until(), None);
    assert!(error.reason.contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_misconfigured() {
    let address = server();
    let target = trusting(ANOTHER_AUTHORITY, "localhost", address);
    let error = send(&target, "{}").await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured, "{error}");
}

#[tokio::test]
async fn one_who_speaks_no_tls_is_unavailable() {
    let system = super::System::new(["HTTP/1.1 400 broken\r\n\r\n"]).await;
    let target = trusting(AUTHORITY, "localhost", system.address);
    let error = send(&target, "{}").await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable, "{error}");
}
