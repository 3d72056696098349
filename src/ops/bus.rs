//! What the operator's calls need of a running bus. The engine does it; tests play it.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OwnedSemaphorePermit;

use super::access::Right;
use crate::{
    diagnostic::Language,
    engine::{
        Acted, BodyOf, Comparison, Disk, Explained, Found, KeptBody, KeyResumed, Preview, Reloaded,
        Replayed, RouteStatus, SentChanges, Shown, Trace, Wiring,
    },
    journal::{Action, Line, Tail, Wanted},
    ledger::{
        DeadFilter, DeadGroup, DeadLetter, FileSet, Job, JobFailure, JobOrder, JobTerms, KeptFile,
        Pause,
    },
    message::{Digest, Endpoint, Message, MessageId},
    metrics::{History, Look},
    route::{Directory, PlanFile, digest_of_files},
};

/// A running bus, as far as an operator can reach it.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Whether it takes and delivers messages.
    async fn ready(&self) -> Result<(), Refusal>;

    /// Every route with its tally and its targets.
    async fn status(&self) -> Result<Vec<RouteStatus>, Refusal>;

    /// The disk below its store, where it looks at it.
    fn disk(&self) -> Option<Disk> {
        None
    }

    /// Dead letters by number.
    async fn dead(&self, filter: &DeadFilter, limit: usize) -> Result<Vec<DeadLetter>, Refusal>;

    /// One dead letter, with what was sent.
    async fn dead_one(&self, id: i64) -> Result<Option<DeadLetter>, Refusal>;

    /// The message of one dead letter, as its route accepted it.
    async fn dead_message(&self, _id: i64) -> Result<Option<Message>, Refusal> {
        Ok(None)
    }

    /// Dead letters in groups of those that failed alike, the largest first.
    async fn dead_groups(
        &self,
        filter: &DeadFilter,
        limit: usize,
    ) -> Result<Vec<DeadGroup>, Refusal>;

    /// What a replay of one dead letter would send with today's files.
    async fn preview(&self, id: i64) -> Result<Option<Preview>, Refusal>;

    /// How many dead letters a filter without numbers means.
    async fn dead_count(&self, _filter: &DeadFilter) -> Result<u64, Refusal> {
        Ok(0)
    }

    /// Has something done with many dead letters, however long that takes.
    async fn order(&self, order: JobOrder, terms: &JobTerms) -> Result<Job, Refusal>;

    /// Lets a job go on that waits for a second person, who is another one than ordered it.
    async fn approve(&self, _id: i64, _by: &str) -> Result<Option<Job>, Refusal> {
        Ok(None)
    }

    /// The newest jobs, the newest first.
    async fn jobs(&self, limit: usize) -> Result<Vec<Job>, Refusal>;

    /// One job, and why letters of it stayed.
    async fn job(&self, id: i64) -> Result<Option<(Job, Vec<JobFailure>)>, Refusal>;

    /// Ends a job where it is; `by` is who and why. Returns it as it is then.
    async fn cancel(&self, id: i64, by: &str) -> Result<Option<Job>, Refusal>;

    /// Sends dead letters on again; `by` is who and why.
    async fn replay(&self, filter: &DeadFilter, by: &str) -> Result<Replayed, Refusal>;

    /// Gives dead letters up for good; `by` is who and why. Returns how many.
    async fn discard(&self, filter: &DeadFilter, by: &str) -> Result<u64, Refusal>;

    /// Every pause.
    async fn pauses(&self) -> Result<Vec<Pause>, Refusal>;

    /// Pauses a target until it is resumed.
    async fn pause(&self, target: &Endpoint, reason: &str) -> Result<(), Refusal>;

    /// Frees a target; whether it was paused.
    async fn resume(&self, target: &Endpoint) -> Result<bool, Refusal>;

    /// Lets what is parked of an order key go on, without what holds it; `by` is who and why.
    async fn resume_key(
        &self,
        target: &Endpoint,
        key: &str,
        by: &str,
    ) -> Result<KeyResumed, Refusal>;

    /// Reads the files again and takes them into use, or changes nothing. Returns what changed,
    /// and warnings about the files, rendered in `language`.
    async fn reload(&self, language: Language) -> Result<(Reloaded, String), Refusal>;

    /// Reads the files again and says what taking them into use would change; changes nothing.
    /// Returns warnings about the files too, rendered in `language`.
    async fn plan(&self, language: Language) -> Result<(Comparison, String), Refusal>;

    /// What is known of one message, and every line of the journal about it.
    async fn trace(&self, id: MessageId) -> Result<Option<Trace>, Refusal>;

    /// The dead letters of a message.
    async fn dead_of(&self, _id: MessageId) -> Result<Vec<DeadLetter>, Refusal> {
        Ok(Vec::new())
    }

    /// What today's files would make of a message on one of its routes, while it is kept.
    async fn explain(&self, _route: &str, _id: MessageId) -> Result<Option<Explained>, Refusal> {
        Ok(None)
    }

    /// What is kept of the bodies of a message, opened.
    async fn bodies(&self, _id: MessageId) -> Result<Vec<KeptBody>, Refusal> {
        Ok(Vec::new())
    }

    /// What became of the fields in bodies that were sent; with `hide` without what is about people.
    fn changes(&self, _bodies: &[KeptBody], _hide: bool) -> Vec<SentChanges> {
        Vec::new()
    }

    /// A body as it is shown; with `hide` without what is about people, and without texts in which one
    /// of `known` stands.
    fn shown(&self, _of: BodyOf<'_>, body: &[u8], known: &[String], hide: bool) -> Shown {
        Shown::of(body, None, known, hide)
    }

    /// What in a message, as its route accepted it, is about people: to be hidden elsewhere too.
    async fn personal_in(&self, _route: &str, _id: MessageId) -> Result<Vec<String>, Refusal> {
        Ok(Vec::new())
    }

    /// Follows the journal from behind a line on, or from now on; all of it, or one route.
    async fn tail(&self, _after: Option<i64>, _route: Option<Arc<str>>) -> Result<Tail, Refusal> {
        Err(Refusal::Unavailable("there is no journal here".to_owned()))
    }

    /// The last lines of the journal about a route, the oldest first.
    async fn recent(&self, _route: &str, _limit: usize) -> Result<Vec<(i64, Line)>, Refusal> {
        Ok(Vec::new())
    }

    /// A place among those who follow the journal; `None`: all are taken.
    fn listener(&self) -> Option<OwnedSemaphorePermit> {
        None
    }

    /// Whether the bus is about to end: whoever follows it comes to an end.
    fn is_stopping(&self) -> bool {
        false
    }

    /// Messages that have a value that their route lets operators search for.
    async fn find(&self, _wanted: &Wanted) -> Result<Found, Refusal> {
        Ok(Found::default())
    }

    /// Writes down what somebody does; it is not done where that fails.
    async fn note(&self, _acted: Acted) -> Result<(), Refusal> {
        Ok(())
    }

    /// What people did, the newest first; only numbers below `below`.
    async fn actions(&self, _below: Option<i64>, _limit: usize) -> Result<Vec<Action>, Refusal> {
        Ok(Vec::new())
    }

    /// Who sends to whom in the files that run.
    fn wiring(&self) -> Wiring {
        Wiring::default()
    }

    /// How targets, sources and the process are.
    fn look(&self) -> Look {
        Look::default()
    }

    /// What was counted over the last hour and day, where somebody counts.
    fn history(&self) -> Option<Arc<History>> {
        None
    }

    /// The systems and routes of the files that run.
    async fn directory(&self) -> Result<Arc<Directory>, Refusal> {
        Ok(Arc::default())
    }

    /// The sets of files that ran, the newest first.
    async fn file_sets(&self) -> Result<Vec<FileSet>, Refusal> {
        Ok(Vec::new())
    }

    /// The files of a set, by path.
    async fn files_of(&self, _set: i64) -> Result<Vec<KeptFile>, Refusal> {
        Ok(Vec::new())
    }

    /// The text with a digest; nothing where none is kept.
    async fn file_text(&self, _digest: Digest) -> Result<Option<Arc<str>>, Refusal> {
        Ok(None)
    }

    /// The files on the disk, and what taking them into use would change; changes nothing.
    async fn candidate(&self, language: Language) -> Result<Candidate, Refusal> {
        let (comparison, warnings) = self.plan(language).await?;
        Ok(Candidate { comparison, warnings, files: Vec::new() })
    }

    /// As [`reload`](Self::reload), but changes nothing either where the files on the disk are not
    /// those with this digest, which somebody has seen.
    async fn reload_seen(
        &self,
        language: Language,
        _seen: Digest,
    ) -> Result<(Reloaded, String), Refusal> {
        self.reload(language).await
    }
}

/// Files on the disk that could be taken into use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidate {
    /// What that would change.
    pub comparison: Comparison,
    /// Warnings about them, rendered; empty if there are none.
    pub warnings: String,
    /// The files, by path.
    pub files: Vec<PlanFile>,
}

impl Candidate {
    /// Tells these files from others.
    pub fn digest(&self) -> Digest {
        digest_of_files(&self.files)
    }
}

/// Why a call of an operator did not do what he asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The files have mistakes; holds them all, rendered. Nothing was changed.
    #[error("the files have mistakes; nothing was changed")]
    Files(String),
    /// Something is not as whoever asked has seen it; nothing was changed.
    #[error("{0}")]
    Changed(String),
    /// Whoever calls lacks this right here.
    #[error("you lack the right `{0}` here")]
    Forbidden(Right),
    /// Not now: the store or the broker has trouble, or the bus is stopping.
    #[error("{0}")]
    Unavailable(String),
}
