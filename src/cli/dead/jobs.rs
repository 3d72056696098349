//! Jobs over many dead letters: ordered, followed, looked at and cancelled.

use std::{path::Path, time::Duration};

use super::groups::reason;
use crate::{
    cli::{
        CouldNot, Exit, Format, Outcome,
        client::{Client, Failure},
        offline::Source,
        pause::running,
        screen::{complain, counted, escaped, say, say_json, table},
    },
    ops::wire::{CancelOrder, FailureView, JobRequest, JobView, JobsView},
};

/// How often a job that is followed is asked after.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// How often it is said how far it is.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Show what is being done with many dead letters, and how far it is
///
/// A job goes on by itself, also after the bus was stopped or died. What ended is remembered for 28
/// days.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul dead jobs
  simpul dead jobs 7")]
pub(super) struct JobsArgs {
    /// The number of one, to see why letters of it stayed
    id: Option<i64>,

    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 20,
          value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// End a job where it is
///
/// What it has replayed or discarded stays so; the other dead letters stay dead letters.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  simpul dead cancel 7 --reason 'wrong group'")]
pub(super) struct CancelArgs {
    /// Its number
    id: i64,

    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn show(project: &Path, args: JobsArgs) -> Outcome {
    let JobsArgs { id, limit, format } = args;
    let source = Source::of(project).await?;
    let Some(id) = id else {
        let list: JobsView = match source {
            Source::Running(client) => client.get(&format!("dead/jobs?limit={limit}")).await?,
            Source::Stopped(offline) => {
                let jobs = offline.ledger.jobs(usize::from(limit)).await?;
                JobsView { jobs: jobs.iter().map(|it| JobView::of(it, &[])).collect() }
            }
        };
        match format {
            Format::Json => say_json(&list),
            Format::Text if list.jobs.is_empty() => say("no jobs"),
            Format::Text => say(&overview(&list.jobs)),
        }
        return Ok(Exit::Done);
    };
    let job = match source {
        Source::Running(client) => match client.get(&format!("dead/jobs/{id}")).await {
            Ok(job) => Some(job),
            Err(Failure::Refused(problem)) if problem.code == "not_found" => None,
            Err(other) => return Err(other.into()),
        },
        Source::Stopped(offline) => match offline.ledger.job(id).await? {
            Some(job) => Some(JobView::of(&job, &offline.ledger.job_failures(id).await?)),
            None => None,
        },
    };
    let Some(job) = job else {
        complain(&format!("there is no job `{id}`"));
        return Ok(Exit::FoundWrong);
    };
    match format {
        Format::Json => say_json(&job),
        Format::Text => say(&render(&job)),
    }
    Ok(Exit::Done)
}

pub(super) async fn cancel(project: &Path, args: CancelArgs) -> Outcome {
    let CancelArgs { id, reason, format } = args;
    let client = running(project)?;
    let order = CancelOrder { by: None, reason };
    let job: JobView = client.post(&format!("dead/jobs/{id}/cancel"), &order).await?;
    let cancelled = job.state == "cancelled";
    match format {
        Format::Json => say_json(&job),
        Format::Text if cancelled => say(&format!("job {id} is cancelled: {}", progress(&job))),
        Format::Text => complain(&format!("job {id} was done before")),
    }
    Ok(if cancelled { Exit::Done } else { Exit::FoundWrong })
}

/// Has a job done; `wait` follows it to its end. Ends with 1 where letters would be dead again.
pub(super) async fn order(
    client: &Client,
    request: &JobRequest,
    wait: bool,
    format: Format,
) -> Outcome {
    let mut job: JobView = client.post("dead/jobs", request).await?;
    if job.state == "proposed" {
        match format {
            Format::Json => say_json(&job),
            Format::Text => say(&format!(
                "job {} waits until a second person has approved it, at the console",
                job.id
            )),
        }
        return Ok(Exit::Done);
    }
    if wait {
        job = follow(client, job).await?;
    }
    match format {
        Format::Json => say_json(&job),
        Format::Text if wait => say(&render(&job)),
        Format::Text => {
            let letters = counted(job.total, "dead letter", "dead letters");
            say(&format!(
                "job {}: {letters}; `simpul dead jobs {}` tells how it fares",
                job.id, job.id
            ));
        }
    }
    let whole = job.state != "cancelled" && job.failed == 0;
    Ok(if whole { Exit::Done } else { Exit::FoundWrong })
}

async fn follow(client: &Client, mut job: JobView) -> Result<JobView, CouldNot> {
    let id = job.id;
    let mut quiet = Duration::ZERO;
    loop {
        match client.get::<JobView>(&format!("dead/jobs/{id}")).await {
            Ok(found) => job = found,
            Err(Failure::NotRunning) => {
                return Err(CouldNot(format!(
                    "the bus stopped; job {id} goes on when it runs again, and \
                     `simpul dead jobs {id}` tells how it fares"
                )));
            }
            Err(other) => return Err(other.into()),
        }
        if job.state != "running" {
            return Ok(job);
        }
        if SAY_EVERY <= quiet {
            quiet = Duration::ZERO;
            complain(&escaped(&format!("job {id}: {}", progress(&job))));
        }
        tokio::time::sleep(ASK_EVERY).await;
        quiet += ASK_EVERY;
    }
}

/// `1,200 of 100,000, 3 would fail again; 1,000 deliveries wait …`
fn progress(job: &JobView) -> String {
    let dealt = job.passed.saturating_add(job.failed);
    let mut text = format!("{dealt} of {}", job.total);
    if 0 < job.failed {
        text.push_str(&format!(", {} would fail again", job.failed));
    }
    if let Some(waits) = &job.waits {
        text.push_str(&format!("; waits: {waits}"));
    }
    text
}

fn overview(jobs: &[JobView]) -> String {
    let row = |it: &JobView| {
        let dealt = it.passed.saturating_add(it.failed);
        let state = if it.waits.is_some() { "waiting" } else { &it.state };
        vec![
            it.id.to_string(),
            it.kind.clone(),
            state.to_owned(),
            dealt.to_string(),
            it.total.to_string(),
            it.failed.to_string(),
            chosen(it),
            it.by.clone(),
        ]
    };
    let rows: Vec<_> = jobs.iter().map(row).collect();
    table(&["JOB", "KIND", "STATE", "DONE", "OF", "FAILED", "WHICH", "BY"], &rows)
}

/// Which letters are meant.
fn chosen(job: &JobView) -> String {
    let parts: Vec<_> =
        job.selection.iter().map(|(name, value)| format!("{name} {value}")).collect();
    if parts.is_empty() { "all".to_owned() } else { parts.join(", ") }
}

fn render(job: &JobView) -> String {
    let passed = match &*job.kind {
        "preview" => "would pass",
        "discard" => "discarded",
        _ => "on their way again",
    };
    let mut lines = vec![
        ("ordered", format!("{} by {}", job.at, job.by)),
        ("which", chosen(job)),
        ("state", job.state.clone()),
        ("letters", job.total.to_string()),
        (passed, job.passed.to_string()),
        ("would fail again", job.failed.to_string()),
    ];
    if let Some(only_to) = &job.only_to {
        lines.insert(2, ("only to", only_to.clone()));
    }
    if let Some(rate) = job.rate {
        lines.insert(2, ("rate", format!("{rate}/s")));
    }
    if let Some(waits) = &job.waits {
        lines.push(("waits", waits.clone()));
    }
    if let Some(ended) = &job.ended {
        let by = job.ended_by.as_ref().map(|it| format!(" by {it}")).unwrap_or_default();
        lines.push(("ended", format!("{ended}{by}")));
    }
    let mut out = format!("job {}: {}\n", job.id, job.kind);
    for (name, text) in lines {
        out.push_str(&format!("  {name:<18}  {}\n", text.replace('\n', " ")));
    }
    let mut out = escaped(out.trim_end());
    if !job.failures.is_empty() {
        out.push_str("\n\n");
        out.push_str(&failures(&job.failures));
    }
    out
}

fn failures(failures: &[FailureView]) -> String {
    let row = |it: &FailureView| {
        let target = it.target.clone().unwrap_or_else(|| "-".to_owned());
        let reason = reason(&target, &it.place, &it.reason);
        vec![it.count.to_string(), it.example.to_string(), target, it.class.clone(), reason]
    };
    let rows: Vec<_> = failures.iter().map(row).collect();
    table(&["COUNT", "EXAMPLE", "TARGET", "CLASS", "WHY IT WOULD FAIL"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> JobView {
        let group = ("group".to_owned(), "5d1f0c6be2a94873".to_owned());
        JobView {
            id: 7,
            kind: "replay".to_owned(),
            state: "running".to_owned(),
            at: "2026-01-17T02:30:00.000Z".to_owned(),
            by: "sari: map corrected".to_owned(),
            selection: vec![group],
            rate: Some(50),
            total: 100_000,
            passed: 41_200,
            failed: 3,
            waits: Some("1000 deliveries of sk-mutasi wait for arsip.terima".to_owned()),
            ..JobView::default()
        }
    }

    #[test]
    fn jobs_tell_how_far_they_are_and_who_ordered_them() {
        let done = JobView {
            id: 6,
            kind: "preview".to_owned(),
            state: "done".to_owned(),
            passed: 100_000,
            failed: 0,
            waits: None,
            selection: vec![],
            ..job()
        };
        insta::assert_snapshot!(overview(&[job(), done]), @r"
        JOB  KIND     STATE    DONE    OF      FAILED  WHICH                   BY
        7    replay   waiting  41203   100000  3       group 5d1f0c6be2a94873  sari: map corrected
        6    preview  done     100000  100000  0       all                     sari: map corrected
        ");
    }

    #[test]
    fn one_job_tells_why_letters_stay() {
        let failure = FailureView {
            count: 3,
            example: 17,
            target: Some("arsip.terima".to_owned()),
            class: "bad message".to_owned(),
            place: "to arsip.terima: map".to_owned(),
            reason: "field `nomor`: `$.nomor | required` is nothing".to_owned(),
        };
        let ended = Some("2026-01-17T02:31:00.000Z".to_owned());
        let ended_by = Some("sari: wrong group\u{1b}[2J".to_owned());
        let state = "cancelled".to_owned();
        let job = JobView { state, ended, ended_by, waits: None, failures: vec![failure], ..job() };
        insta::assert_snapshot!(render(&job), @r"
        job 7: replay
          ordered             2026-01-17T02:30:00.000Z by sari: map corrected
          which               group 5d1f0c6be2a94873
          rate                50/s
          state               cancelled
          letters             100000
          on their way again  41200
          would fail again    3
          ended               2026-01-17T02:31:00.000Z by sari: wrong group\u{1b}[2J

        COUNT  EXAMPLE  TARGET        CLASS        WHY IT WOULD FAIL
        3      17       arsip.terima  bad message  map: field `nomor`: `$.nomor | required` is nothing
        ");
    }
}
