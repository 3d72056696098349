//! A ledger for tests, over either kind of store.

use bytes::Bytes;
use simpul::{
    ledger::{
        self, Cause, DeadFilter, DeadLetter, DeliveryId, Fate, Ledger, NewDelivery, Outcome,
        Settling, Tried,
    },
    message::{Digest, Endpoint, Headers, IdSource, Message, MessageId, Timestamp},
    store::{Address, Options, Store, StoreError, Writes},
};
use tempfile::TempDir;

use crate::support::postgres::database;

pub(crate) const ROUTE: &str = "sppd-terbit";
pub(crate) const START: Timestamp = Timestamp::from_millis(1_768_617_000_000);

/// A ledger in a store of its own.
pub(crate) struct Bench {
    place: Place,
    pub(crate) store: Store,
    pub(crate) ledger: Ledger,
    ids: IdSource,
}

/// Where its store is.
enum Place {
    Directory(TempDir),
    Postgres(Address),
}

impl Place {
    async fn open(self) -> Bench {
        let store = match &self {
            Self::Directory(it) => Store::open(it.path()),
            Self::Postgres(address) => Store::connect(address, Options::default()).await,
        };
        let store = store.unwrap();
        let ledger = Ledger::new(store.clone());
        Bench { place: self, store, ledger, ids: IdSource::default() }
    }
}

impl Bench {
    /// The outcome of one delivery.
    pub(crate) async fn outcome(&self, id: &DeliveryId) -> Option<Outcome> {
        self.ledger.sendings(std::slice::from_ref(id)).await.unwrap()[0].outcome
    }

    /// One of each kind.
    pub(crate) async fn each() -> Vec<Self> {
        let mut each = vec![Place::Directory(tempfile::tempdir().unwrap()).open().await];
        if let Some(address) = database().await {
            each.push(Place::Postgres(address).open().await);
        }
        each
    }

    pub(crate) async fn reopen(self) -> Self {
        let Self { place, store, ledger, ids } = self;
        drop((store, ledger));
        Self { ids, ..place.open().await }
    }

    pub(crate) async fn write(&self, write: impl FnOnce(&mut Writes)) -> Result<(), StoreError> {
        let mut writes = Writes::default();
        write(&mut writes);
        self.store.commit(writes).await
    }

    pub(crate) fn message(&self) -> Message {
        Message {
            id: self.ids.next(START),
            received_at: START,
            headers: Headers::from_iter([("unit", "Bagian SDM")]),
            body: Bytes::from_static(br#"{"nomor":"1"}"#),
        }
    }

    /// Settles a message as routed, with so many deliveries.
    pub(crate) async fn routed(&self, deliveries: u32) -> (Message, Vec<DeliveryId>) {
        let message = self.message();
        let ids: Vec<_> = (0..deliveries).map(|ordinal| delivery(message.id, ordinal)).collect();
        let settling = settling(&message, Fate::Routed, &ids);
        self.write(|it| ledger::settle_message(it, &settling)).await.unwrap();
        (message, ids)
    }

    /// Settles a message as dead.
    pub(crate) async fn dead(&self) -> (Message, DeadLetter) {
        let message = self.message();
        let settling = settling(&message, Fate::Dead, &[]);
        self.write(|it| ledger::settle_message(it, &settling)).await.unwrap();
        (message, self.letters().await.pop().unwrap())
    }

    /// Gives a delivery up.
    pub(crate) async fn give_up(&self, delivery: &DeliveryId) -> DeadLetter {
        let tried = Tried { attempts: 3, generation: 2, sent: Some(Bytes::from_static(b"{}")) };
        self.write(|it| ledger::finish(it, delivery, &cause("refused"), &tried, START))
            .await
            .unwrap();
        self.letters().await.pop().unwrap()
    }

    pub(crate) async fn letters(&self) -> Vec<DeadLetter> {
        self.ledger.dead_letters(&DeadFilter::default(), 500).await.unwrap()
    }

    pub(crate) async fn is_kept(&self, message: &Message) -> bool {
        match self.ledger.message(ROUTE, message.id).await.unwrap() {
            Some(kept) => {
                assert_eq!(kept, *message);
                true
            }
            None => false,
        }
    }
}

pub(crate) fn target() -> Endpoint {
    Endpoint::parse("e-absensi.catat-dinas-luar").unwrap()
}

pub(crate) fn delivery(message: MessageId, ordinal: u32) -> DeliveryId {
    DeliveryId { route: ROUTE.into(), message, target: target(), ordinal }
}

pub(crate) fn cause(class: &str) -> Cause {
    Cause { class: class.into(), place: "steps[0] filter".to_owned(), reason: "why".to_owned() }
}

pub(crate) fn digest(text: &str) -> Digest {
    Digest::of(&[text.as_bytes()])
}

pub(crate) fn settling(message: &Message, fate: Fate, deliveries: &[DeliveryId]) -> Settling {
    let new = |id: &DeliveryId| NewDelivery { id: id.clone(), key: digest("key"), order_key: None };
    Settling {
        route: ROUTE.into(),
        message: message.clone(),
        fate,
        cause: (fate == Fate::Dead).then(|| cause("bad message")),
        deliveries: deliveries.iter().map(new).collect(),
        at: START,
        generation: 2,
    }
}
