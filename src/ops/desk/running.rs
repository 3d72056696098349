//! What a caller sees of the bus as it runs: who sends to whom, how things are, and its files.

use std::sync::Arc;

use super::Desk;
use crate::{
    diagnostic::Language,
    engine::{Reloaded, Wiring},
    ledger::{FileSet, KeptFile},
    message::Digest,
    metrics::{History, Look},
    ops::{
        Refusal,
        access::{Of, Right},
        bus::Candidate,
    },
    route::{Directory, RouteEntry},
};

#[expect(clippy::missing_errors_doc, reason = "said once, at `Refusal`")]
impl Desk {
    /// Whether he may see a route.
    pub fn sees_route(&self, route: &str) -> bool {
        self.caller().may(Right::See, &Of::route(route))
    }

    /// Whether he may see a system as a whole.
    pub fn sees_system(&self, system: &str) -> bool {
        self.caller().may(Right::See, &Of::system(system))
    }

    /// Whether he may see a system: as a whole, or because a route that he may see is joined to it.
    pub fn sees_any_of(&self, directory: &Directory, system: &str) -> bool {
        let of = |endpoint: &str| endpoint.split('.').next() == Some(system);
        let joined = |it: &RouteEntry| of(&it.from) || it.to.iter().any(|to| of(&to.target));
        let mut routes = directory.routes.iter();
        self.sees_system(system) || routes.any(|(route, it)| joined(it) && self.sees_route(route))
    }

    /// Who sends to whom, on the routes that he may see.
    pub fn wiring(&self) -> Wiring {
        let mut wiring = self.bus.wiring();
        wiring.routes.retain(|route, _| self.sees_route(route));
        wiring
    }

    /// How targets, sources and the process are. What is shown of it has to be asked for by name.
    pub fn look(&self) -> Look {
        self.bus.look()
    }

    /// What was counted lately, where somebody counts.
    pub fn history(&self) -> Option<Arc<History>> {
        self.bus.history()
    }

    /// The systems and routes of the files that run, all of them: pages show what he may see.
    pub async fn directory(&self) -> Result<Arc<Directory>, Refusal> {
        self.bus.directory().await
    }

    /// The sets of files that ran, the newest first.
    pub async fn file_sets(&self) -> Result<Vec<FileSet>, Refusal> {
        self.need(Right::See)?;
        self.bus.file_sets().await
    }

    /// The files of a set, by path.
    pub async fn files_of(&self, set: i64) -> Result<Vec<KeptFile>, Refusal> {
        self.need(Right::See)?;
        self.bus.files_of(set).await
    }

    /// The text of a file that ran.
    pub async fn file_text(&self, digest: Digest) -> Result<Option<Arc<str>>, Refusal> {
        self.need(Right::See)?;
        self.bus.file_text(digest).await
    }

    /// The files on the disk, and what taking them into use would change.
    pub async fn candidate(&self, language: Language) -> Result<Candidate, Refusal> {
        self.need(Right::ChangeFiles)?;
        self.bus.candidate(language).await
    }

    /// Takes the files on the disk into use, if they are still those that he has seen.
    pub async fn reload_seen(
        &self,
        language: Language,
        seen: Digest,
    ) -> Result<(Reloaded, String), Refusal> {
        self.need(Right::ChangeFiles)?;
        let what = format!("had the files taken into use that he had seen, {seen}");
        self.record("reload", what, None).await?;
        self.bus.reload_seen(language, seen).await
    }
}
