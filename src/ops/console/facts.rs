//! What the first page is made of: gathered once, then judged and drawn without asking anybody.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    engine::{Disk, RouteStatus, Wiring},
    ledger::{DeadFilter, DeadGroup},
    message::{Endpoint, Timestamp},
    metrics::{Look, RouteMinute},
    ops::{Desk, Refusal},
    route::{Directory, SystemEntry},
};

/// Groups of dead letters that are named; the others are counted.
const GROUPS_MAX: usize = 5;

/// Everything that is known of the bus at one moment, as far as somebody may see it.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) now: Option<Timestamp>,
    pub(super) status: Vec<RouteStatus>,
    pub(super) wiring: Wiring,
    pub(super) look: Look,
    pub(super) disk: Option<Disk>,
    pub(super) groups: Vec<DeadGroup>,
    pub(super) directory: Arc<Directory>,
    pub(super) minutes: BTreeMap<Arc<str>, RouteMinute>,
    pub(super) last_hour: BTreeMap<Arc<str>, u64>,
}

impl Facts {
    /// Asks the bus.
    pub(super) async fn gather(desk: &Desk, now: Timestamp) -> Result<Self, Refusal> {
        let status = desk.status().await?;
        let dead = status.iter().map(super::state::dead).sum::<u64>();
        let groups = match dead {
            0 => Vec::new(),
            _ => desk.dead_groups(&DeadFilter::default(), GROUPS_MAX).await?,
        };
        let history = desk.history();
        Ok(Self {
            now: Some(now),
            status,
            wiring: desk.wiring(),
            look: desk.look(),
            disk: desk.disk(),
            groups,
            directory: desk.directory().await?,
            minutes: history.as_ref().map(|it| it.minutes()).unwrap_or_default(),
            last_hour: history.as_ref().map(|it| it.last_hour()).unwrap_or_default(),
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now.unwrap_or(Timestamp::from_millis(0))
    }

    /// What the files say about the system of an endpoint.
    pub(super) fn system(&self, endpoint: &Endpoint) -> Option<&SystemEntry> {
        self.directory.systems.get(&*endpoint.system)
    }

    /// A name with what people call its system: `arsip.catat (Arsip)`.
    pub(super) fn titled(&self, endpoint: &Endpoint) -> String {
        match self.system(endpoint).map(|it| it.title.as_str()) {
            None | Some("") => endpoint.to_string(),
            Some(title) => format!("{endpoint} ({title})"),
        }
    }

    /// Whom to ask about a system: `Bagian SDM, sdm@kpu.example`; empty where nobody says.
    pub(super) fn owner(&self, endpoint: &Endpoint) -> String {
        let told = self.system(endpoint).map(|it| [it.unit.as_str(), it.contact.as_str()]);
        let parts: Vec<&str> = told.into_iter().flatten().filter(|it| !it.is_empty()).collect();
        parts.join(", ")
    }

    /// What went through a route to a target within the last minute.
    pub(super) fn minute(&self, route: &str, target: &str) -> crate::metrics::Minute {
        let route = self.minutes.get(route);
        route.and_then(|it| it.targets.get(target)).copied().unwrap_or_default()
    }
}
