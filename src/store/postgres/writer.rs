//! The task that writes: it commits whatever has gathered, in one transaction, and connects anew
//! for as long as it takes when the connection breaks.
//!
//! A transaction travels in one piece: the statements are sent behind each other without waiting
//! for answers, and the commit with them, unless a statement must have changed what it expects.

use std::time::{Duration, Instant};

use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{
    error::{Trouble, told, trouble},
    link::{Link, Role, Sent, Server},
    migrate,
};
use crate::store::{
    CommitSeen, Param, StoreError,
    writer::{
        BYTES_PER_COMMIT_MAX, JOBS_PER_COMMIT_MAX, Job, Observe, answer_all as refuse_all, gist,
    },
    writes::Write,
};

/// Statements in one transaction (a single larger job still passes): what keeps rows that another
/// gateway may want locked for some tens of milliseconds, and no longer.
const STATEMENTS_PER_COMMIT_MAX: usize = 4_096;

/// How long a transaction may take before its connection is given up.
const COMMIT_TIME_MAX: Duration = Duration::from_secs(20);

/// How often a transaction is tried that met another one. Statements that gateways may want at
/// the same time have an order, so that once is the rule.
const MEETINGS_MAX: u32 = 5;

/// The first pause between two attempts to connect; they double up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(100);

/// The longest pause between two attempts to connect.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// How often the changes of tallies are added up, while there are any.
const FOLD_EVERY: Duration = Duration::from_secs(1);

/// Connects as the one that writes, and brings the tables to the newest format.
pub(super) async fn connect(server: &Server) -> Result<Link, StoreError> {
    let mut link = server.connect(Role::Writer).await?;
    migrate::to_newest(link.client_mut()).await?;
    Ok(link)
}

/// What the task owns.
pub(super) struct Work {
    pub(super) server: Server,
    pub(super) observe: Option<Observe>,
    pub(super) folded_at: Instant,
}

/// Why a transaction did not take place.
struct Failed {
    /// The job whose statement failed.
    job: Option<usize>,
    trouble: Trouble,
    error: StoreError,
}

impl Work {
    /// Commits until nobody can hand anything over any more.
    pub(super) async fn run(mut self, mut link: Link, mut waiting: mpsc::Receiver<Job>) {
        loop {
            let Err(reason) = self.serve(&mut link, &mut waiting).await else { return };
            drop(link);
            match self.reconnect(reason, &mut waiting).await {
                Some(new) => link = new,
                None => return,
            }
        }
    }

    /// Commits over one connection until it breaks.
    async fn serve(
        &mut self,
        link: &mut Link,
        waiting: &mut mpsc::Receiver<Job>,
    ) -> Result<(), StoreError> {
        loop {
            let first = tokio::select! {
                biased;
                () = link.ended() => return Err(StoreError::new("the connection was closed")),
                first = waiting.recv() => first,
            };
            let Some(first) = first else { return Ok(()) };
            let mut bytes = first.writes.size();
            let mut statements = first.writes.len();
            let mut jobs = vec![first];
            while jobs.len() < JOBS_PER_COMMIT_MAX
                && bytes < BYTES_PER_COMMIT_MAX
                && statements < STATEMENTS_PER_COMMIT_MAX
            {
                let Ok(next) = waiting.try_recv() else { break };
                bytes += next.writes.size();
                statements += next.writes.len();
                jobs.push(next);
            }
            self.commit(link, jobs).await?;
            self.fold(link).await;
        }
    }

    /// Connects anew, however long it takes; refuses meanwhile. `None`: nobody waits any more.
    async fn reconnect(
        &self,
        mut reason: StoreError,
        waiting: &mut mpsc::Receiver<Job>,
    ) -> Option<Link> {
        let server = &self.server;
        let mut pause = PAUSE_FIRST;
        loop {
            let attempt = async move {
                let connected = connect(server).await;
                if connected.is_err() {
                    sleep(pause).await;
                }
                connected
            };
            let mut attempt = std::pin::pin!(attempt);
            let connected = loop {
                tokio::select! {
                    connected = &mut attempt => break connected,
                    job = waiting.recv() => {
                        let job = job?;
                        let _ = job.answer.send(Err(reason.clone()));
                    }
                }
            };
            match connected {
                Ok(link) => return Some(link),
                Err(error) => reason = error,
            }
            pause = PAUSE_MAX.min(pause * 2);
        }
    }

    /// Commits jobs together and answers them; one whose statement fails does not take the others
    /// along. An error: the connection is of no use any more.
    async fn commit(&mut self, link: &mut Link, mut jobs: Vec<Job>) -> Result<(), StoreError> {
        let mut meetings = 1;
        while !jobs.is_empty() {
            let started = Instant::now();
            let attempt = timeout(COMMIT_TIME_MAX, attempt(link, &jobs)).await;
            match attempt.unwrap_or_else(|_| Err(late())) {
                Ok(counts) => {
                    if let Some(observe) = &self.observe {
                        observe(CommitSeen { jobs: jobs.len(), duration: started.elapsed() });
                    }
                    jobs.into_iter().zip(counts).for_each(|(job, counts)| job.done(counts));
                    return Ok(());
                }
                Err(Failed { job: Some(culprit), trouble: Trouble::Statement, error }) => {
                    let _ = jobs.remove(culprit).answer.send(Err(error));
                }
                Err(Failed { trouble: Trouble::Again, .. }) if meetings < MEETINGS_MAX => {
                    meetings += 1;
                }
                Err(Failed { trouble, error, .. }) => {
                    refuse_all(jobs, &error);
                    let broken = trouble == Trouble::Connection;
                    return if broken { Err(error) } else { Ok(()) };
                }
            }
        }
        Ok(())
    }

    /// Adds up the changes of tallies, after the jobs were answered. What fails here is as true
    /// unfolded, and tried again.
    async fn fold(&mut self, link: &Link) {
        if FOLD_EVERY <= self.folded_at.elapsed() {
            let folding = link.client().batch_execute("SELECT fold_tallies()");
            let _ = timeout(COMMIT_TIME_MAX, folding).await;
            self.folded_at = Instant::now();
        }
    }
}

fn late() -> Failed {
    let seconds = COMMIT_TIME_MAX.as_secs();
    let reason =
        format!("cannot commit: no answer within {seconds} s; whether it was written is not known");
    Failed { job: None, trouble: Trouble::Connection, error: StoreError::new(reason) }
}

/// A statement of a transaction, and whose it is.
struct Place<'a> {
    job: usize,
    /// Which of the job's counts it gives.
    index: usize,
    write: &'a Write,
}

/// One transaction over all jobs; nothing of it is left unless it is on disk when this returns.
async fn attempt(link: &mut Link, jobs: &[Job]) -> Result<Vec<Vec<u64>>, Failed> {
    let places = in_order(jobs);
    prepare(link, &places).await?;
    let certain = places.iter().all(|it| it.write.expect.is_none());
    let begin = link.send_plain("BEGIN").await;
    let mut sent = Vec::with_capacity(places.len());
    for place in &places {
        sent.push(link.send(place.write.sql.postgres, &place.write.params).await);
    }
    let end = if certain { Some(link.send_plain("COMMIT").await) } else { None };

    let begun = begin.answer().await.map_err(|error| whole(&error));
    let done = answers(&places, sent, jobs).await;
    let counts = match begun.and(done) {
        Ok(counts) => counts,
        Err(wrong) => {
            // A commit of what has failed is a rollback, too.
            drop(last(link, end, "ROLLBACK").await);
            return Err(wrong);
        }
    };
    last(link, end, "COMMIT").await.map_err(|error| uncertain(&error))?;
    Ok(counts)
}

async fn prepare(link: &mut Link, places: &[Place<'_>]) -> Result<(), Failed> {
    for place in places {
        let prepared = link.prepare(place.write.sql.postgres, str::to_owned).await;
        prepared.map_err(|error| failed(place, &error))?;
    }
    Ok(())
}

/// Waits for what ends a transaction, unless sent already: `otherwise`.
async fn last(
    link: &Link,
    sent: Option<Sent<'_, u64>>,
    otherwise: &'static str,
) -> Result<u64, tokio_postgres::Error> {
    match sent {
        Some(end) => end.answer().await,
        None => link.send_plain(otherwise).await.answer().await,
    }
}

/// Takes the answers to all statements: for each job how many rows they changed.
async fn answers(
    places: &[Place<'_>],
    sent: Vec<Sent<'_, u64>>,
    jobs: &[Job],
) -> Result<Vec<Vec<u64>>, Failed> {
    let mut counts: Vec<Vec<u64>> = jobs.iter().map(|it| vec![0; it.writes.len()]).collect();
    // The first one that fails is the culprit: those behind it fail because of it. Their answers
    // need not be waited for, since what ends the transaction is answered after them.
    for (place, sent) in places.iter().zip(sent) {
        let changed = sent.answer().await.map_err(|error| failed(place, &error))?;
        let changed = as_expected(place, changed)?;
        let count = counts.get_mut(place.job).and_then(|it| it.get_mut(place.index));
        count.into_iter().for_each(|it| *it = changed);
    }
    Ok(counts)
}

/// All statements: those that come first by their text and values, then the others job by job.
fn in_order(jobs: &[Job]) -> Vec<Place<'_>> {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for (job, Job { writes, .. }) in jobs.iter().enumerate() {
        let written = writes.iter().enumerate().filter(|(_, it)| !it.sql.postgres.is_empty());
        for (index, write) in written {
            let list = if index < writes.first.len() { &mut first } else { &mut rest };
            list.push(Place { job, index, write });
        }
    }
    first.sort_by(|a, b| key(a).cmp(&key(b)));
    // What only locks, and so is for this database alone, locks once.
    first.dedup_by(|a, b| a.write.sql.sqlite.is_empty() && key(a) == key(b));
    first.append(&mut rest);
    first
}

/// By what statements are sorted that come first.
fn key<'a>(place: &Place<'a>) -> (&'static str, &'a [Param]) {
    (place.write.sql.postgres, &place.write.params)
}

fn as_expected(place: &Place<'_>, changed: u64) -> Result<u64, Failed> {
    match place.write.expect {
        Some(expect) if changed != expect.rows => Err(Failed {
            job: Some(place.job),
            trouble: Trouble::Statement,
            error: StoreError::new(expect.otherwise),
        }),
        _ => Ok(changed),
    }
}

fn failed(place: &Place<'_>, error: &tokio_postgres::Error) -> Failed {
    let what = format!("cannot {}", gist(place.write.sql.postgres));
    Failed { job: Some(place.job), trouble: trouble(error), error: told(&what, error) }
}

fn whole(error: &tokio_postgres::Error) -> Failed {
    Failed { job: None, trouble: trouble(error), error: told("cannot commit", error) }
}

/// An error that came when the commit itself was under way.
fn uncertain(error: &tokio_postgres::Error) -> Failed {
    let mut failed = whole(error);
    if failed.trouble == Trouble::Connection {
        failed.error.reason.push_str("; whether it was written is not known");
    }
    if failed.trouble == Trouble::Statement {
        failed.trouble = Trouble::Transaction;
    }
    failed
}
