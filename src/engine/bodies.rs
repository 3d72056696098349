//! Bodies on their way to the disk and back: those of a route with `bodies: full` stand there sealed,
//! in its queues as in the ledger, until they are delivered. And what is kept of bodies beside the
//! journal, as their route wants it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};

use super::{BodyOf, Engine, EngineError, Options, Shared, Shown, pipeline::Made};
use crate::{
    journal::{self, Body, Kept},
    ledger::DeadLetter,
    message::{Endpoint, Message, MessageId, Timestamp},
    route::{Bodies, Plan, Route},
    sealing::{Keyring, Place, Unopened, is_sealed},
    store::Writes,
};

/// Bytes of the number that tells how long the parameters are which are sealed with a body.
const LENGTH_BYTES: usize = 4;

/// Refuses files whose bodies nobody could seal: settings are those of the start.
pub(super) fn may_run(plan: &Plan, options: &Options) -> Result<(), EngineError> {
    let full = plan.routes.values().find(|it| it.bodies == Bodies::Full);
    match full {
        Some(route) if options.keyring.is_none() => {
            Err(EngineError::NoBodyKey(route.name.to_string()))
        }
        _ => Ok(()),
    }
}

/// What seals and opens the bodies of one route, and says what is kept of them.
#[derive(Clone, Copy)]
pub(super) struct Keeper<'k> {
    route: &'k Route,
    options: &'k Options,
}

impl<'k> Keeper<'k> {
    pub(super) fn new(shared: &'k Shared, route: &'k Route) -> Self {
        Self { route, options: &shared.options }
    }

    /// A message as it may stand on the disk.
    pub(super) fn accepted(&self, id: MessageId, body: Bytes) -> Bytes {
        self.sealed(self.place(id, None), body)
    }

    /// A delivery as it may stand on the disk: what its parameters yielded comes from the body, and
    /// is sealed with it.
    pub(super) fn made(&self, id: MessageId, made: Made) -> Made {
        if self.route.bodies != Bodies::Full || is_sealed(&made.body) {
            return made;
        }
        let Made { target, ordinal, body, parameters, key } = made;
        let parameters = serde_json::to_vec(&parameters).unwrap_or_default();
        let mut whole = BytesMut::with_capacity(LENGTH_BYTES + parameters.len() + body.len());
        whole.put_u32(u32::try_from(parameters.len()).unwrap_or_default());
        whole.put_slice(&parameters);
        whole.put_slice(&body);
        let body = self.sealed(self.place(id, Some((&target, ordinal))), whole.freeze());
        Made { target, ordinal, body, parameters: Vec::new(), key }
    }

    fn place<'p>(&'p self, message: MessageId, delivery: Option<(&'p Endpoint, u32)>) -> Place<'p> {
        Place { route: &self.route.name, message, delivery }
    }

    /// Nothing runs with such a route and without a key (see [`may_run`]).
    fn sealed(&self, place: Place<'_>, body: Bytes) -> Bytes {
        if self.route.bodies != Bodies::Full || is_sealed(&body) {
            return body;
        }
        let sealed = self.options.keyring.as_ref().and_then(|it| it.seal(place, &body));
        sealed.unwrap_or(body)
    }

    /// What is kept of a body that stands on the disk like this; `None`: nothing.
    pub(super) fn kept(
        &self,
        (at, message): (Timestamp, MessageId),
        delivery: Option<(&Endpoint, u32)>,
        stored: &Bytes,
    ) -> Option<Body> {
        let kept = match self.route.bodies {
            Bodies::None => return None,
            Bodies::Digest => Kept::digest_of(stored),
            Bodies::Full => Kept::Sealed(stored.clone()),
        };
        let retention = self.route.retention.unwrap_or(self.options.retention.bodies);
        Some(Body {
            at,
            until: at.after(retention),
            route: Arc::clone(&self.route.name),
            message,
            delivery: delivery.map(|(target, ordinal)| (target.clone(), ordinal)),
            bytes: stored.len() as u64,
            kept,
        })
    }

    /// What is kept of the bodies of a message that was sent at once, and stood on no disk.
    pub(super) fn all(&self, message: &Message, made: &[Made]) -> Vec<Body> {
        if !self.keeps() {
            return Vec::new();
        }
        let about = (message.received_at, message.id);
        let accepted = self.accepted(message.id, message.body.clone());
        let sent = made.iter().filter_map(|it| {
            let it = self.made(message.id, it.clone());
            self.kept(about, Some((&it.target, it.ordinal)), &it.body)
        });
        self.kept(about, None, &accepted).into_iter().chain(sent).collect()
    }

    /// Whether anything of its bodies is kept.
    pub(super) fn keeps(&self) -> bool {
        self.route.bodies != Bodies::None
    }

    /// Keeps what its route wants of a body; how many bytes that are.
    pub(super) fn keep(
        &self,
        writes: &mut Writes,
        about: (Timestamp, MessageId),
        delivery: Option<(&Endpoint, u32)>,
        stored: &Bytes,
    ) -> u64 {
        let Some(body) = self.kept(about, delivery, stored) else { return 0 };
        journal::keep_body(writes, &body);
        body.bytes_kept()
    }
}

/// Opens what stands sealed on the disk; what is not sealed it leaves as it is.
#[derive(Clone, Copy)]
pub struct Opener<'k>(Option<&'k Keyring>);

impl<'k> Opener<'k> {
    /// With these keys.
    pub fn new(keyring: Option<&'k Keyring>) -> Self {
        Self(keyring)
    }

    /// A message as its route accepted it.
    ///
    /// # Errors
    ///
    /// [`Unopened`], where it is sealed and its key is not at hand.
    pub fn message(self, route: &str, message: &Message) -> Result<Message, Unopened> {
        let place = Place { route, message: message.id, delivery: None };
        Ok(Message { body: self.open(place, &message.body)?, ..message.clone() })
    }

    /// A dead letter with what was sent, where that can be opened.
    pub fn letter(self, mut letter: DeadLetter) -> DeadLetter {
        if let (Some(sent), Some((target, ordinal))) = (&letter.sent, &letter.delivery) {
            let place = (target, *ordinal);
            let opened = self.delivery(&letter.route, letter.message, place, sent);
            letter.sent = opened.ok().map(|(body, _)| body);
        }
        letter
    }

    /// What is sent with a delivery: the body, and what the parameters yielded where they are sealed
    /// with it.
    fn delivery(
        self,
        route: &str,
        message: MessageId,
        (target, ordinal): (&Endpoint, u32),
        stored: &Bytes,
    ) -> Result<(Bytes, Option<Vec<String>>), Unopened> {
        if !is_sealed(stored) {
            return Ok((stored.clone(), None));
        }
        let place = Place { route, message, delivery: Some((target, ordinal)) };
        let mut whole = self.open(place, stored)?;
        let length = whole.first_chunk::<LENGTH_BYTES>().ok_or(Unopened::Damaged)?;
        let length = u32::from_be_bytes(*length) as usize;
        let body = LENGTH_BYTES.saturating_add(length);
        let parameters = whole.get(LENGTH_BYTES..body).ok_or(Unopened::Damaged)?;
        let parameters = serde_json::from_slice(parameters).map_err(|_| Unopened::Damaged)?;
        Ok((whole.split_off(body), Some(parameters)))
    }

    fn kept(self, body: Body) -> KeptBody {
        let Body { at, until, route, message, delivery, bytes, kept } = body;
        let known = match kept {
            Kept::Digest(digest) => KnownBody::Digest(digest, bytes),
            Kept::NotRead => KnownBody::NotRead,
            Kept::Sealed(sealed) => {
                let opened = match &delivery {
                    None => self.open(Place { route: &route, message, delivery: None }, &sealed),
                    Some((target, ordinal)) => self
                        .delivery(&route, message, (target, *ordinal), &sealed)
                        .map(|(body, _)| body),
                };
                opened.map_or_else(KnownBody::Sealed, KnownBody::Whole)
            }
        };
        KeptBody { at, until, route, delivery, known, personal: Arc::default() }
    }

    fn open(self, place: Place<'_>, stored: &Bytes) -> Result<Bytes, Unopened> {
        if !is_sealed(stored) {
            return Ok(stored.clone());
        }
        match self.0 {
            Some(keyring) => keyring.open(place, stored),
            None => Err(Unopened::of(stored)),
        }
    }
}

impl Shared {
    pub(super) fn opener(&self) -> Opener<'_> {
        Opener::new(self.options.keyring.as_deref())
    }

    /// As [`Opener::message`].
    pub(super) fn opened(&self, route: &str, message: &Message) -> Result<Message, Unopened> {
        self.opener().message(route, message)
    }

    /// As [`Opener::delivery`].
    pub(super) fn opened_delivery(
        &self,
        route: &str,
        message: MessageId,
        place: (&Endpoint, u32),
        stored: &Bytes,
    ) -> Result<(Bytes, Option<Vec<String>>), Unopened> {
        self.opener().delivery(route, message, place, stored)
    }
}

/// What is kept of a body of a message, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBody {
    /// When it was accepted, or made.
    pub at: Timestamp,
    /// Until when it is kept.
    pub until: Timestamp,
    /// The route.
    pub route: Arc<str>,
    /// With which delivery it was sent; `None`: it is the message as accepted.
    pub delivery: Option<(Endpoint, u32)>,
    /// What is known of it.
    pub known: KnownBody,
    /// What is about people in the message as its route accepted it: to be hidden in this body too.
    pub personal: Arc<[String]>,
}

/// What is known of a body that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownBody {
    /// Its SHA-256, and how many bytes it had.
    Digest([u8; 32], u64),
    /// The body.
    Whole(Bytes),
    /// It cannot be opened, for this reason.
    Sealed(Unopened),
    /// It was not read: those before it were too large.
    NotRead,
}

impl Engine {
    /// What is kept of the bodies of a message, on all of its routes, in the order in which it was
    /// written; what is over is not shown.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn bodies(&self, id: MessageId) -> Result<Vec<KeptBody>, EngineError> {
        let shared = &self.shared;
        let all = shared.journal.bodies_of(id, shared.clock.now()).await?;
        let mut all: Vec<_> = all.into_iter().map(|it| shared.opener().kept(it)).collect();
        let mut personal: BTreeMap<Arc<str>, Arc<[String]>> = BTreeMap::new();
        for body in all.iter().filter(|it| it.delivery.is_none()) {
            if let KnownBody::Whole(bytes) = &body.known {
                let schema = self.schema_of(BodyOf::Route(&body.route));
                let found = Shown::personal(bytes, schema.as_deref());
                personal.insert(Arc::clone(&body.route), found.into());
            }
        }
        for body in &mut all {
            body.personal = personal.get(&body.route).cloned().unwrap_or_default();
        }
        Ok(all)
    }
}

/// How long what is written down is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The journal, and what messages are found by in it; at least [`RETENTION_JOURNAL_MIN`].
    pub journal: Duration,
    /// Bodies, where their route keeps them and says nothing else.
    pub bodies: Duration,
}

impl Retention {
    /// Where nothing is said.
    pub const USUAL: Self =
        Self { journal: Duration::from_hours(28 * 24), bodies: Duration::from_hours(7 * 24) };
}

/// The shortest time for which the journal is kept: it must outlive the ledger, or a sender could ask
/// for a message that nobody knows.
pub const RETENTION_JOURNAL_MIN: Duration = crate::ledger::REMEMBERED;
