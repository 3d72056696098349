//! One connection to a broker, made anew for as long as anybody holds it.

use std::{
    fmt,
    pin::pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use futures_util::StreamExt;
use lapin::{
    Connection, ConnectionProperties, Event,
    tcp::{AMQPUriTcpExt, OwnedTLSConfig},
};
use tokio::{sync::watch, task::JoinSet, time::timeout};

use super::{Address, Version, version, why, why_unconnected};

/// The pause before the second attempt; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(200);

/// The longest pause between attempts.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How long one attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the library is asked whether it is still connected, should it forget to say.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How a broker behind `amqps://` is recognised.
#[derive(Clone, Default)]
pub struct Tls {
    /// Certificates of an own authority (PEM), beside those that the machine trusts.
    pub ca_pem: Option<String>,
}

/// How a connection fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Not connected, and why, once an attempt has failed.
    Down(Option<Arc<str>>),
    /// Connected.
    Up,
    /// Connected, and the broker takes nothing for lack of memory or disk.
    Blocked(Arc<str>),
    /// Closed for good.
    Closed,
}

impl LinkState {
    /// Why nothing can be published now, if nothing can.
    pub fn obstacle(&self) -> Option<String> {
        match self {
            Self::Up => None,
            Self::Down(None) => Some("not connected yet".to_owned()),
            Self::Down(Some(reason)) => Some(format!("not connected: {reason}")),
            Self::Blocked(reason) => Some(format!("the broker takes nothing: {reason}")),
            Self::Closed => Some("the connection is closed".to_owned()),
        }
    }
}

/// A supervised connection. Cheap to clone; the last one dropped ends it.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    name: String,
    state: watch::Receiver<Inside>,
    closing: watch::Sender<bool>,
    version: Arc<OnceLock<Version>>,
    // std, not tokio: held to take the tasks out, never across an await.
    tasks: Mutex<JoinSet<()>>,
}

/// How the connection fares, and the connection itself.
#[derive(Clone)]
pub(super) struct Inside {
    pub(super) state: LinkState,
    pub(super) session: Option<Arc<Session>>,
}

/// One connection of a link, until it breaks.
pub(super) struct Session {
    /// Rises with each connection of the link.
    pub(super) epoch: u64,
    connection: Connection,
}

impl Session {
    /// A fresh channel.
    pub(super) async fn channel(&self) -> lapin::Result<lapin::Channel> {
        self.connection.create_channel().await
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Link({}, {:?})", self.0.name, self.state())
    }
}

impl Link {
    /// Starts to connect to `address`, and never gives up. `purpose` is what RabbitMQ's own
    /// console shows the connection as. Needs a runtime.
    pub fn open(address: Address, purpose: &str, tls: Tls) -> Self {
        let name = format!("{purpose} at {}", address.host());
        let (sender, state) =
            watch::channel(Inside { state: LinkState::Down(None), session: None });
        let (closing, closed) = watch::channel(false);
        let version = Arc::new(OnceLock::new());
        let dial = Dial {
            address,
            purpose: format!("simpul {purpose}"),
            tls: OwnedTLSConfig { identity: None, cert_chain: tls.ca_pem },
            version: Arc::clone(&version),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(supervise(dial, sender, closed));
        Self(Arc::new(Inner { name, state, closing, version, tasks: Mutex::new(tasks) }))
    }

    /// How it fares now.
    pub fn state(&self) -> LinkState {
        self.0.state.borrow().state.clone()
    }

    /// Why nothing can be published now, if nothing can.
    pub fn obstacle(&self) -> Option<String> {
        self.state().obstacle()
    }

    /// Which server it is, once it was connected.
    pub fn version(&self) -> Option<&Version> {
        self.0.version.get()
    }

    /// Waits until it is connected; false if it was closed instead.
    pub async fn connected(&self) -> bool {
        self.session().await.is_some()
    }

    /// Waits until the state is another than `seen`, and returns it.
    pub async fn changed(&self, seen: &LinkState) -> LinkState {
        let mut state = self.0.state.clone();
        match state.wait_for(|it| it.state != *seen).await {
            Ok(it) => it.state.clone(),
            Err(_) => LinkState::Closed,
        }
    }

    /// Closes the connection: what its consumers hold goes back to their queues.
    pub async fn close(&self) {
        self.0.closing.send_replace(true);
        let mut tasks =
            std::mem::take(&mut *self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }

    /// The number of the connection, if there is one now: rises with each.
    pub fn epoch(&self) -> Option<u64> {
        self.session_now().map(|it| it.epoch)
    }

    /// Waits until there is a connection of another number than `seen`; false once it is closed.
    pub async fn another(&self, seen: Option<u64>) -> bool {
        let is_another = |it: &Inside| {
            let epoch = it.session.as_ref().map(|it| it.epoch);
            it.state == LinkState::Closed || (epoch.is_some() && epoch != seen)
        };
        let mut inside = self.inside();
        inside.wait_for(is_another).await.is_ok_and(|it| it.session.is_some())
    }

    /// The state with its changes, for the tasks of this room.
    pub(super) fn inside(&self) -> watch::Receiver<Inside> {
        self.0.state.clone()
    }

    /// The connection, once there is one; nothing once the link is closed.
    pub(super) async fn session(&self) -> Option<Arc<Session>> {
        session(&mut self.inside()).await
    }

    /// The connection, if there is one now.
    pub(super) fn session_now(&self) -> Option<Arc<Session>> {
        self.0.state.borrow().session.clone()
    }
}

/// The connection, once there is one; nothing once the link is closed or dropped.
pub(super) async fn session(inside: &mut watch::Receiver<Inside>) -> Option<Arc<Session>> {
    let settled = |it: &Inside| it.session.is_some() || it.state == LinkState::Closed;
    inside.wait_for(settled).await.ok()?.session.clone()
}

/// How to connect.
struct Dial {
    address: Address,
    purpose: String,
    tls: OwnedTLSConfig,
    version: Arc<OnceLock<Version>>,
}

async fn supervise(dial: Dial, state: watch::Sender<Inside>, mut closing: watch::Receiver<bool>) {
    let mut pause = Pause::default();
    for epoch in 1.. {
        let attempt = tokio::select! {
            _ = closing.wait_for(|it| *it) => break,
            attempt = connect(&dial) => attempt,
        };
        let ended = match attempt {
            Ok(connection) => {
                pause = Pause::default();
                let session = Arc::new(Session { epoch, connection });
                live(&dial, session, &state, &mut closing).await
            }
            Err(reason) => Some(reason),
        };
        let Some(reason) = ended else { break };
        let (broker, purpose) = (dial.address.host(), dial.purpose.as_str());
        tracing::warn!(broker, purpose, "no connection: {reason}");
        let state_now = LinkState::Down(Some(reason.into()));
        state.send_replace(Inside { state: state_now, session: None });
        tokio::select! {
            _ = closing.wait_for(|it| *it) => break,
            () = pause.wait() => {}
        }
    }
    state.send_replace(Inside { state: LinkState::Closed, session: None });
}

/// One connection until it breaks, and then why; nothing if it was closed.
async fn live(
    dial: &Dial,
    session: Arc<Session>,
    state: &watch::Sender<Inside>,
    closing: &mut watch::Receiver<bool>,
) -> Option<String> {
    tracing::info!(broker = dial.address.host(), purpose = dial.purpose, "connected");
    if let Some(reason) = watch_over(&session, state, closing).await {
        return Some(reason);
    }
    state.send_replace(Inside { state: LinkState::Closed, session: None });
    let goodbye = session.connection.close(200, "OK".into());
    let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
    None
}

async fn connect(dial: &Dial) -> Result<Connection, String> {
    match timeout(CONNECT_TIMEOUT, Box::pin(handshake(dial))).await {
        Ok(connected) => connected,
        Err(_) => Err(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}

async fn handshake(dial: &Dial) -> Result<Connection, String> {
    let uri = dial.address.uri();
    let runtime = lapin::runtime::default_runtime().map_err(|it| why(&it))?;
    if dial.version.get().is_none() {
        let stream = uri.connect_with_config_async(dial.tls.as_ref(), &runtime).await;
        let stream = stream.map_err(|it| why_unconnected(it.to_string()))?;
        let asked = version::ask(stream).await;
        let found = asked.map_err(|it| it.to_string())?;
        if let Some(refusal) = found.refusal() {
            return Err(refusal);
        }
        let _ = dial.version.set(found);
    }
    let properties = ConnectionProperties::default()
        .with_connection_name(dial.purpose.as_str().into())
        .with_client_property("product".into(), "simpul".into())
        .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into());
    let tls = dial.tls.clone();
    // The library connects on a thread of its own, which nobody can interrupt: so this ends.
    let dialled = Connection::connector(
        uri,
        runtime,
        async move |uri, runtime| {
            let connecting = uri.connect_with_config_async(tls.as_ref(), &runtime);
            match timeout(CONNECT_TIMEOUT, connecting).await {
                Ok(stream) => stream.map_err(lapin::Error::from),
                Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
            }
        },
        properties,
    );
    dialled.await.map_err(|it| why_unconnected(why(&it)))
}

/// Tells how a connection fares until it breaks, and then why; nothing if it is to be closed.
async fn watch_over(
    session: &Arc<Session>,
    state: &watch::Sender<Inside>,
    closing: &mut watch::Receiver<bool>,
) -> Option<String> {
    let status = session.connection.status();
    let mut events = pin!(session.connection.events_listener());
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut blocked: Option<Arc<str>> = None;
    let mut reason = "the connection was closed".to_owned();
    loop {
        if !status.connected() {
            return Some(reason);
        }
        // Said before anybody listened.
        if status.blocked() && blocked.is_none() {
            blocked = Some("blocked".into());
        }
        let now = blocked.clone().map_or(LinkState::Up, LinkState::Blocked);
        state.send_if_modified(|it| {
            let changes = it.state != now;
            *it = Inside { state: now, session: Some(Arc::clone(session)) };
            changes
        });
        tokio::select! {
            _ = closing.wait_for(|it| *it) => return None,
            _ = look.tick() => {}
            event = events.next() => match event {
                Some(Event::ConnectionBlocked(why)) => blocked = Some(why.into()),
                Some(Event::ConnectionUnblocked) => blocked = None,
                Some(Event::Error(error)) => reason = why(&error),
                Some(_) => {}
                None => return Some(reason),
            },
        }
    }
}

/// The pauses between attempts: doubling, with jitter, without end.
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(PAUSE_MIN)
    }
}

impl Pause {
    /// How long to wait now: between half and all of the pause, so that the gateways of a broker
    /// that comes back do not all come at once.
    fn next(&mut self) -> Duration {
        let full = self.0;
        self.0 = (full * 2).min(PAUSE_MAX);
        let mut chance = [0];
        // Without randomness it is the shorter one.
        let _ = getrandom::fill(&mut chance);
        full / 2 + full * u32::from(chance[0]) / (2 * u32::from(u8::MAX))
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.next()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_seconds_and_never_end() {
        let mut pause = Pause::default();
        for full in [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000] {
            let full = Duration::from_millis(full);
            let next = pause.next();
            assert!(full / 2 <= next && next <= full, "{next:?} of {full:?}");
        }
    }

    #[tokio::test]
    async fn a_link_to_nobody_says_why_and_goes_on_trying() {
        // Port 1 of this machine: nobody listens there.
        let address = Address::parse("amqp://127.0.0.1:1").unwrap();
        let link = Link::open(address, "test", Tls::default());
        let state = link.changed(&LinkState::Down(None)).await;
        let LinkState::Down(Some(reason)) = &state else { panic!("{state:?}") };
        assert!(reason.contains("refused"), "{reason}");
        assert!(link.obstacle().is_some());
        link.close().await;
        assert_eq!(link.state(), LinkState::Closed);
        assert!(!link.connected().await);
    }
}
