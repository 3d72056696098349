//! Coming in and going, with a line in the journal about each.

use std::net::IpAddr;

use axum::extract::Request;
use tracing::warn;

use super::{
    Ops,
    access::{Address, Bears, Caller, Inside, Outside, is_login},
    who,
};
use crate::engine::Acted;

/// Where somebody comes from.
pub(super) struct From {
    ip: IpAddr,
}

impl From {
    pub(super) fn of(request: &Request) -> Self {
        Self { ip: who::ip(request.headers(), request.extensions()) }
    }

    fn address(&self) -> Address {
        Address::of(self.ip)
    }
}

/// Lets somebody in who knows his password, and writes it down; also that he was kept out.
pub(super) async fn come_in(
    ops: &Ops,
    (login, password): (&str, String),
    from: &From,
    bears: Bears,
) -> Result<Inside, Outside> {
    let came = ops.door.come_in((login, password), from.address(), bears).await;
    let ip = from.ip;
    match &came {
        Ok(inside) => {
            note(ops, inside.caller.who(), "came_in", format!("logged in from {ip}")).await
        }
        // What was tried too often is not written down again and again.
        Err(Outside::Wrong) => {
            let who = if is_login(login) { login } else { "somebody" };
            let what = format!("tried to log in from {ip}, with a wrong name or password");
            warn!(user = who, %ip, "somebody tried to log in with a wrong name or password");
            note(ops, who.to_owned(), "kept_out", what).await;
        }
        Err(_) => {}
    }
    came
}

/// Makes the first user, and lets him in.
pub(super) async fn make_first(
    ops: &Ops,
    token: &str,
    (login, password): (&str, String),
    from: &From,
) -> Result<Inside, Outside> {
    let inside = ops.door.make_first(token, (login, password), from.address()).await?;
    let what = format!("became the first user, from {}", from.ip);
    note(ops, inside.caller.who(), "first_user", what).await;
    Ok(inside)
}

/// Writes down that somebody has gone.
pub(super) async fn left(ops: &Ops, caller: &Caller) {
    note(ops, caller.who(), "left", "logged out".to_owned()).await;
}

/// A store in trouble must not keep those out who are to help.
async fn note(ops: &Ops, who: String, did: &'static str, what: String) {
    let (reason, route, message, delivery) = (None, None, None, None);
    let acted = Acted { who, did, what, reason, route, message, delivery };
    if let Err(error) = ops.bus.note(acted).await {
        warn!(%error, "who came in or went could not be written down");
    }
}
