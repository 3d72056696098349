//! What can be read from a store while no bus runs on it.

use std::path::Path;

use super::{
    CouldNot,
    client::{Client, Failure},
    project,
    settings::Settings,
};
use crate::{
    connector::Secret,
    engine::{Found, Opener, Trace},
    journal::{Journal, Wanted},
    ledger::Ledger,
    message::MessageId,
    sealing::Keyring,
    store::{Options, Store, StoreError},
};

/// Where a reading command finds what it shows.
pub(super) enum Source {
    /// A running bus answers.
    Running(Client),
    /// None runs; the store itself is read.
    Stopped(Box<Offline>),
}

/// A store that no bus runs on.
pub(super) struct Offline {
    pub(super) ledger: Ledger,
    journal: Journal,
    /// The key of the digests by which what is about people is found.
    hash_key: Option<Secret>,
    /// The keys of sealed bodies.
    keyring: Option<Box<Keyring>>,
}

impl Source {
    /// The running bus of a project, or else its store.
    pub(super) async fn of(project: &Path) -> Result<Self, CouldNot> {
        let directory = project::store_directory(project)?;
        if let Some(client) = Client::connect(&directory)? {
            match client.get::<serde_json::Value>("pauses").await {
                Ok(_) => return Ok(Self::Running(client)),
                Err(Failure::NotRunning) => {}
                Err(other) => return Err(other.into()),
            }
        }
        if let Some(address) = project::database(project) {
            let store = Store::connect(&address, Options::default()).await?;
            return Ok(Self::Stopped(Box::new(Offline::of(store, project))));
        }
        // Opening would make one where there is none.
        if !directory.is_dir() {
            let directory = directory.display();
            return Err(CouldNot(format!(
                "there is no store `{directory}`: nothing has run on this project yet; name its \
                 directory with `--project DIR`"
            )));
        }
        Ok(Self::Stopped(Box::new(Offline::of(Store::open(&directory)?, project))))
    }
}

impl Offline {
    fn of(store: Store, project: &Path) -> Self {
        let (ledger, journal) = (Ledger::new(store.clone()), Journal::new(store));
        let Settings { hash_key, body_keys, .. } = project::settings(project);
        Self { ledger, journal, hash_key, keyring: Keyring::new(body_keys).map(Box::new) }
    }

    /// Messages that have a value that their route lets operators search for.
    pub(super) async fn find(&self, wanted: &Wanted) -> Result<Found, StoreError> {
        let key = self.hash_key.as_ref().map(|it| it.reveal().as_bytes());
        Found::look((&self.journal, &self.ledger), wanted, key).await
    }

    /// Opens what stands sealed there.
    pub(super) fn opener(&self) -> Opener<'_> {
        Opener::new(self.keyring.as_deref())
    }

    /// What is known of a message; `None` if nothing is.
    pub(super) async fn trace(&self, id: MessageId) -> Result<Option<Trace>, StoreError> {
        let fares = self.ledger.fares(id).await?;
        let lines = self.journal.of_message(id).await?;
        Ok((!fares.is_empty() || !lines.is_empty()).then_some(Trace { fares, lines }))
    }
}

impl From<StoreError> for CouldNot {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}
