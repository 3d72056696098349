//! Who calls, as a request tells it: where it comes from, and what it bears.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::{Extensions, HeaderMap, Method, StatusCode, header};

use super::{
    Ops,
    access::{Bears, Caller, Known},
    wire::Problem,
};
use crate::message::Digest;

/// The cookie that says who somebody is.
pub(super) const SESSION: &str = "simpul_session";

/// What a page says that asks for itself, and nobody does anything.
const REFRESH_HEADER: &str = "simpul-refresh";

/// The header by which a script of ours shows that it is ours.
pub(super) const CSRF_HEADER: &str = "x-csrf-token";

/// The header in which the command line tells who works at the terminal.
pub const OPERATOR_HEADER: &str = "simpul-operator";

/// Letters of the name that the command line tells.
const OPERATOR_MAX: usize = 63;

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Where a request comes from: the other end, or, where that is a proxy on this machine, who the proxy
/// says called it.
pub(super) fn ip(headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    let Some(Peer(peer)) = extensions.get::<Peer>().copied() else {
        return Ipv4Addr::UNSPECIFIED.into();
    };
    if !peer.to_canonical().is_loopback() {
        return peer;
    }
    // The last one is what the proxy itself has seen; those before it anybody may have written.
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back();
    let forwarded = forwarded.and_then(|it| it.to_str().ok()?.rsplit(',').next());
    forwarded.and_then(|it| it.trim().parse().ok()).unwrap_or(peer)
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// A cookie of a request.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut pairs = all.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
    pairs.find_map(|(known, value)| (known == name).then_some(value))
}

/// Who bears the token of this machine or of a session.
pub(super) async fn of_token(ops: &Ops, headers: &HeaderMap) -> Option<Caller> {
    let token = bearer(headers)?;
    if ops.token.is(token) {
        let told = headers.get(OPERATOR_HEADER).and_then(|it| it.to_str().ok());
        return Some(local(told));
    }
    Some(ops.door.known(token, Bears::Token).await?.caller)
}

/// The command line of this machine, by the name that it tells.
pub(super) fn local(told: Option<&str>) -> Caller {
    let told = told.map(str::trim).filter(|it| {
        !it.is_empty() && it.chars().count() <= OPERATOR_MAX && !it.contains(char::is_control)
    });
    told.map_or_else(Caller::local, Caller::local_as)
}

/// Who bears the cookie of a session.
pub(super) async fn of_cookie(ops: &Ops, headers: &HeaderMap) -> Option<Known> {
    let token = cookie(headers, SESSION)?;
    match headers.contains_key(REFRESH_HEADER) {
        true => ops.door.known_still(token).await,
        false => ops.door.known(token, Bears::Cookie).await,
    }
}

/// Whether a request may change something.
pub(super) fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// Whether a request comes from a page of another site, as far as its browser tells.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_none() || host != text("host")
        }
        (None, None) => false,
    }
}

/// Whether two secrets are the same, in a time that tells nothing of them.
pub(super) fn same(left: &str, right: &str) -> bool {
    Digest::of(&[left.as_bytes()]) == Digest::of(&[right.as_bytes()])
}

/// Takes one more call of whoever it is, or says that it is too many.
pub(super) fn count(
    ops: &Ops,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<(), Problem> {
    // The command line of this machine may call as often as it likes: who has the store needs no bus.
    let token = bearer(headers);
    if token.is_some_and(|it| ops.token.is(it)) {
        return Ok(());
    }
    let ip = ip(headers, extensions).to_string();
    ops.door.call(ip.as_bytes()).map_err(|wait| too_often(wait.as_secs().max(1)))
}

/// A problem of who tries too often.
pub(super) fn too_often(seconds: u64) -> Problem {
    let title = format!("too many attempts; try again in {seconds} s");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_often", title).wait(seconds)
}
