//! Dead letters, their groups and jobs over them, as they travel to the command line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ledger::{Approval, DeadGroup, DeadLetter, Job, JobFailure, JobOrder},
    message::{Endpoint, Headers, Message, Timestamp},
};

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadView {
    /// Its number.
    pub id: i64,
    /// When it was given up.
    pub at: String,
    /// How long ago that was.
    pub age_seconds: u64,
    /// The route.
    pub route: String,
    /// The message's id.
    pub message: String,
    /// The target; absent where the message itself could not be routed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Which of several deliveries to that target, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u32>,
    /// The class of the reason.
    pub class: String,
    /// Which step or `map` failed; empty for a target's answer.
    pub place: String,
    /// What happened.
    pub reason: String,
    /// The group of those that failed alike.
    pub group: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The generation of files that dealt with it.
    pub generation: i64,
    /// What was sent, where it was asked for and made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
}

/// The message of a dead letter, as its route accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageView {
    /// What came beside the body.
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub headers: Headers,
    /// The body.
    pub body: String,
}

impl MessageView {
    /// What an operator is shown of a message who asks for all of it.
    pub fn of(message: &Message) -> Self {
        let body = String::from_utf8_lossy(&message.body).into_owned();
        Self { headers: message.headers.clone(), body }
    }
}

impl DeadView {
    /// What an operator is shown of `letter`, without its body.
    pub fn of(letter: &DeadLetter, now: Timestamp) -> Self {
        let (target, ordinal) = match &letter.delivery {
            Some((target, ordinal)) => (Some(target.to_string()), Some(*ordinal)),
            None => (None, None),
        };
        Self {
            id: letter.id,
            at: letter.at.to_string(),
            age_seconds: now.since(letter.at).as_secs(),
            route: letter.route.to_string(),
            message: letter.message.to_string(),
            target,
            ordinal,
            class: letter.cause.class.to_string(),
            place: letter.cause.place.clone(),
            reason: letter.cause.reason.clone(),
            group: letter.group.clone(),
            attempts: letter.attempts,
            generation: letter.generation,
            sent: None,
        }
    }

    /// The same with what was sent, which may hold personal data: only for who asked for it.
    #[must_use]
    pub fn with_body(self, letter: &DeadLetter) -> Self {
        let sent = letter.sent.as_ref().map(|it| String::from_utf8_lossy(it).into_owned());
        Self { sent, ..self }
    }
}

/// Some dead letters, by number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadList {
    /// Them.
    pub letters: Vec<DeadView>,
    /// There are more; ask again with `after` the last number.
    pub more: bool,
}

/// Dead letters that failed alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupView {
    /// Its name; `group` selects by it.
    pub group: String,
    /// How many there are.
    pub count: u64,
    /// When the first of them was given up.
    pub first: String,
    /// When the last of them was.
    pub last: String,
    /// The number of the last of them, as an example.
    pub example: i64,
    /// The route.
    pub route: String,
    /// The target; absent where the messages themselves could not be routed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The class of their reasons.
    pub class: String,
    /// Which step or `map` failed; empty for a target's answer.
    pub place: String,
    /// What happened to the example.
    pub reason: String,
}

impl GroupView {
    /// What an operator is shown of `group`.
    pub fn of(group: &DeadGroup) -> Self {
        Self {
            group: group.name.clone(),
            count: group.count,
            first: group.first.to_string(),
            last: group.last.to_string(),
            example: group.example,
            route: group.route.to_string(),
            target: group.target.as_ref().map(Endpoint::to_string),
            class: group.cause.class.to_string(),
            place: group.cause.place.clone(),
            reason: group.cause.reason.clone(),
        }
    }
}

/// Groups of dead letters, the largest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadGroups {
    /// Them.
    pub groups: Vec<GroupView>,
    /// There are more.
    pub more: bool,
}

/// A job over many dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobView {
    /// Its number.
    pub id: i64,
    /// `replay`, `preview`, `discard`.
    pub kind: String,
    /// `running`, `done`, `cancelled`; `proposed` while it waits for a second person.
    pub state: String,
    /// When it was ordered.
    pub at: String,
    /// Who ordered it, and why.
    pub by: String,
    /// Which letters are meant: the parameters of the filter that are set.
    pub selection: Vec<(String, String)>,
    /// The only target that messages which could not be routed go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_to: Option<String>,
    /// Letters a second at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// How many letters there were when it was ordered.
    pub total: u64,
    /// Of them: on their way again, or discarded; of a preview: would be.
    pub passed: u64,
    /// Of them: would be dead again, and stay.
    pub failed: u64,
    /// What it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Who cancelled it, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// Who approved it, where a second person had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Why letters stayed, the most frequent first; where one job is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailureView>,
}

/// Why letters of a job stayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureView {
    /// How many would be dead again in this way.
    pub count: u64,
    /// The first of them, as an example.
    pub example: i64,
    /// Its target; absent where the message itself cannot be routed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The class.
    pub class: String,
    /// Which step or `map`.
    pub place: String,
    /// What happens.
    pub reason: String,
}

impl JobView {
    /// What an operator is shown of `job`.
    pub fn of(job: &Job, failures: &[JobFailure]) -> Self {
        let JobOrder { kind, only_to, rate, by, .. } = &job.order;
        Self {
            id: job.id,
            kind: kind.word().to_owned(),
            state: job.stands().to_owned(),
            at: job.at.to_string(),
            by: by.clone(),
            selection: selection(&job.order),
            only_to: only_to.as_ref().map(Endpoint::to_string),
            rate: *rate,
            total: job.total,
            passed: job.passed,
            failed: job.failed,
            waits: job.waits.clone(),
            ended: job.ended.map(|it| it.to_string()),
            ended_by: job.ended_by.clone(),
            approved_by: match &job.approval {
                Approval::By(who) => Some(who.clone()),
                Approval::NotNeeded | Approval::Awaited => None,
            },
            failures: failures.iter().map(FailureView::of).collect(),
        }
    }
}

fn selection(order: &JobOrder) -> Vec<(String, String)> {
    let filter = &order.filter;
    let text = |it: Option<Timestamp>| it.map(|it| it.to_string());
    let parts = [
        ("route", filter.route.clone()),
        ("target", filter.target.clone()),
        ("class", filter.class.clone()),
        ("group", filter.group.clone()),
        ("from", text(filter.since)),
        ("to", text(filter.before)),
    ];
    parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

impl FailureView {
    fn of(failure: &JobFailure) -> Self {
        Self {
            count: failure.count,
            example: failure.letter,
            target: failure.target.as_ref().map(Endpoint::to_string),
            class: failure.cause.class.to_string(),
            place: failure.cause.place.clone(),
            reason: failure.cause.reason.clone(),
        }
    }
}

/// How many dead letters there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountView {
    /// So many.
    pub count: u64,
}

/// Jobs, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobsView {
    /// Them.
    pub jobs: Vec<JobView>,
}
