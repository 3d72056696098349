//! Agency systems played by this process: real HTTP servers on loopback that check the password,
//! count what they get, and can be told to be in trouble.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    CouldNot,
    desk::{self, Arrival, SYSTEMS, System},
    figures::{AllReceipts, TargetFigures},
};

/// All stand-ins. Dropped, they stop.
pub(super) struct StandIns {
    running: Vec<Arc<StandIn>>,
    /// Owns the servers.
    _servers: JoinSet<()>,
}

/// One agency system.
pub(super) struct StandIn {
    /// Which.
    pub(super) system: System,
    /// Where it listens: `http://127.0.0.1:40001`.
    pub(super) address: String,
    // std, not tokio: held for a few instructions, never across an await.
    state: Mutex<Desks>,
}

/// What a stand-in knows.
#[derive(Debug, Default)]
struct Desks {
    secret: String,
    down: bool,
    /// Calls by route and target.
    attempts: BTreeMap<(&'static str, &'static str), u64>,
    /// Every `Idempotency-Key` that came, and what was taken under it.
    keys: HashMap<String, Option<Taken>>,
    /// Calls with a key that had come before.
    repeated: u64,
    /// Of them, those that did not say so.
    unflagged: u64,
    /// What must never happen, one line each.
    wrongs: Vec<String>,
}

/// A delivery that was taken.
#[derive(Debug)]
struct Taken {
    arrival: Arrival,
    /// Rules that a complete document failed; only at `bawaslu`.
    failed: Vec<String>,
}

/// What all stand-ins got.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// By route and `system.target`; `dead` is left at 0, for no receiver can know it.
    pub(super) targets: BTreeMap<(String, String), TargetFigures>,
    /// What was taken.
    pub(super) arrived: AllReceipts,
    /// Complete documents that failed a rule, by rule, as `bawaslu` was told.
    pub(super) checks: BTreeMap<String, u64>,
    /// Calls with a key that had come before.
    pub(super) repeated: u64,
    /// Of them, those that did not say so.
    pub(super) unflagged: u64,
    /// What must never happen, one line each.
    pub(super) wrongs: Vec<String>,
}

impl StandIns {
    /// Starts all of them, each with a password made from `secret`.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when no port of loopback can be had.
    pub(super) async fn start(secret: &str) -> Result<Self, CouldNot> {
        let mut servers = JoinSet::new();
        let mut running = Vec::with_capacity(SYSTEMS.len());
        for system in SYSTEMS {
            let no_port = |error| CouldNot(format!("no port for `{}`: {error}", system.name));
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(no_port)?;
            let address = format!("http://{}", listener.local_addr().map_err(no_port)?);
            let secret = format!("{}-{secret}", system.name);
            let state = Mutex::new(Desks { secret, ..Desks::default() });
            let stand_in = Arc::new(StandIn { system, address, state });
            let router = Router::new().fallback(receive).with_state(stand_in.clone());
            servers.spawn(async move {
                // Ends only when the demo does.
                let _ = axum::serve(listener, router).await;
            });
            running.push(stand_in);
        }
        Ok(Self { running, _servers: servers })
    }

    /// Every stand-in.
    pub(super) fn all(&self) -> impl Iterator<Item = &StandIn> {
        self.running.iter().map(AsRef::as_ref)
    }

    /// The stand-in of `system`.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when there is none of that name: a bug of the demo.
    pub(super) fn of(&self, system: &str) -> Result<&StandIn, CouldNot> {
        let found = self.all().find(|it| it.system.name == system);
        found.ok_or_else(|| CouldNot(format!("bug: no stand-in for `{system}`")))
    }

    /// What all of them got so far.
    pub(super) fn counted(&self) -> Counted {
        let mut all = Counted::default();
        for stand_in in &self.running {
            stand_in.desks().add_to(&mut all);
        }
        all
    }
}

impl StandIn {
    fn desks(&self) -> MutexGuard<'_, Desks> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The password that it accepts now.
    pub(super) fn secret(&self) -> String {
        self.desks().secret.clone()
    }

    /// From now on it accepts another password only.
    pub(super) fn change_secret(&self, secret: &str) {
        secret.clone_into(&mut self.desks().secret);
    }

    /// From now on it answers 503 to everything, or works again.
    pub(super) fn set_down(&self, down: bool) {
        self.desks().down = down;
    }

    /// Calls that it got so far.
    pub(super) fn attempts(&self) -> u64 {
        self.desks().attempts.values().sum()
    }
}

impl Desks {
    fn add_to(&self, all: &mut Counted) {
        let place = |route: &str, target: &str| (route.to_owned(), target.to_owned());
        for ((route, target), attempts) in &self.attempts {
            all.targets.entry(place(route, target)).or_default().attempts += attempts;
        }
        for taken in self.keys.values().flatten() {
            let Arrival { route, target, receipt } = &taken.arrival;
            all.targets.entry(place(route, target)).or_default().delivered += 1;
            let receipts = all.arrived.entry(place(route, target)).or_default();
            *receipts.entry(receipt.clone()).or_default() += 1;
            for rule in &taken.failed {
                *all.checks.entry(rule.clone()).or_default() += 1;
            }
        }
        all.repeated += self.repeated;
        all.unflagged += self.unflagged;
        all.wrongs.extend(self.wrongs.iter().cloned());
    }

    /// Takes a delivery, or says what is wrong with it.
    fn take(&mut self, system: &str, call: &Call) -> StatusCode {
        let body = serde_json::from_slice(&call.body).unwrap_or(Value::Null);
        let path = call.uri.path();
        let arrival = desk::recognise(system, call.method.as_str(), path, &body);
        let Some(arrival) = arrival else {
            self.wrongs.push(format!("`{system}` cannot use a call of {} {path}", call.method));
            return StatusCode::UNPROCESSABLE_ENTITY;
        };
        *self.attempts.entry((arrival.route, arrival.target)).or_default() += 1;
        let key = call.header("idempotency-key");
        if key.is_empty() {
            self.wrongs.push(format!("`{}` was called without an Idempotency-Key", arrival.target));
            return StatusCode::BAD_REQUEST;
        }
        if self.keys.contains_key(key) {
            self.repeated += 1;
            self.unflagged += u64::from(!call.is_flagged());
        }
        let taken = self.keys.entry(key.to_owned()).or_default();
        if self.down {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        if !call.bears(system, &self.secret) {
            return StatusCode::UNAUTHORIZED;
        }
        if desk::leaks(system, &String::from_utf8_lossy(&call.body)) {
            self.wrongs.push(format!("`{}` was shown personal data", arrival.target));
        }
        if taken.as_ref().is_some_and(|it| it.arrival != arrival) {
            self.wrongs.push(format!("`{}` got one key for two bodies", arrival.target));
        }
        let complete = body["lengkap"] == true && system == "bawaslu";
        let rules = body["uji"].as_array().filter(|_| complete).into_iter().flatten();
        let failed = rules.filter_map(Value::as_str).map(str::to_owned).collect();
        *taken = Some(Taken { arrival, failed });
        StatusCode::OK
    }
}

/// What came in.
struct Call {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    /// A header; empty where there is none.
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }

    /// Whether it says that it may have come before.
    fn is_flagged(&self) -> bool {
        let attempt = self.header("simpul-attempt").parse::<u32>().unwrap_or_default();
        1 < attempt || self.header("simpul-possible-duplicate") == "true"
    }

    /// Whether it proves who it is. The public information office's site wants a user and a
    /// password, the others a token.
    fn bears(&self, system: &str, secret: &str) -> bool {
        let wanted = if system == "ppid" {
            format!("Basic {}", base64(format!("simpul:{secret}").as_bytes()))
        } else {
            format!("Bearer {secret}")
        };
        self.header(header::AUTHORIZATION.as_str()) == wanted
    }
}

async fn receive(
    State(stand_in): State<Arc<StandIn>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let call = Call { method, uri, headers, body };
    stand_in.desks().take(stand_in.system.name, &call)
}

/// Base64 with padding (RFC 4648): the one place that needs it is a password's check.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0, |all, byte| (all << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(headers: &[(&'static str, &str)], body: &str) -> Call {
        let mut call = Call {
            method: Method::POST,
            uri: Uri::from_static("/api/salinan-hasil"),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        for (name, value) in headers {
            call.headers.insert(*name, value.parse().unwrap());
        }
        call
    }

    const COMPLETE: &str = r#"{"kode_tps":"1","lengkap":true,"uji":["R1","R7"],"dokumen":{}}"#;

    #[test]
    fn a_delivery_counts_once_however_often_it_comes() {
        let mut desks = Desks { secret: "s".to_owned(), ..Desks::default() };
        let first = [("authorization", "Bearer s"), ("idempotency-key", "k")];
        assert_eq!(desks.take("bawaslu", &call(&first, COMPLETE)), StatusCode::OK);
        let flagged = [first[0], first[1], ("simpul-possible-duplicate", "true")];
        assert_eq!(desks.take("bawaslu", &call(&flagged, COMPLETE)), StatusCode::OK);
        let mut all = Counted::default();
        desks.add_to(&mut all);

        let [figures] = all.targets.values().copied().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!(figures, TargetFigures { delivered: 1, attempts: 2, dead: 0 });
        assert_eq!(all.checks, BTreeMap::from([("R1".to_owned(), 1), ("R7".to_owned(), 1)]));
        assert_eq!((all.repeated, all.unflagged, all.wrongs.len()), (1, 0, 0));

        desks.take("bawaslu", &call(&first, COMPLETE));
        assert_eq!((desks.repeated, desks.unflagged), (2, 1), "the second repeat says nothing");
    }

    #[test]
    fn a_wrong_password_and_a_broken_system_take_nothing() {
        let mut desks = Desks { secret: "new".to_owned(), ..Desks::default() };
        let old = [("authorization", "Bearer old"), ("idempotency-key", "k")];
        assert_eq!(desks.take("bawaslu", &call(&old, COMPLETE)), StatusCode::UNAUTHORIZED);
        desks.down = true;
        assert_eq!(desks.take("bawaslu", &call(&old, COMPLETE)), StatusCode::SERVICE_UNAVAILABLE);
        let mut all = Counted::default();
        desks.add_to(&mut all);
        assert!(all.arrived.is_empty());
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        let texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let coded = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(texts.map(|it| base64(it.as_bytes())), coded.map(str::to_owned));
    }
}
