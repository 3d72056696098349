//! Whether what happened is what a case expects: every difference, each in words of the file.

use std::time::Duration;

use super::{
    Attempts, Case, DeliveryWord, ExpectBody, ExpectDelivery, ExpectTo, MessageWord, Seen,
    SeenDelivery, SeenMessage, body::scoped, compare::compare,
};
use crate::{
    diagnostic::{Located, Span, units::DurationText},
    message::{Arena, Limits, parse},
};

/// How far a time of an attempt may be from what is expected: the bus needs some itself.
const TIME_OFF_MAX: Duration = Duration::from_millis(100);

/// Memory for a body that was sent.
const MEMORY_MAX: usize = 64 << 20;

/// Something that is not as the case expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is about: `message 2`, `arsip.simpan [1]: body`.
    pub about: String,
    /// Where in the file it is expected.
    pub at: Span,
    /// What differs, a line for each.
    pub lines: Vec<String>,
}

/// Holds what happened against a case.
pub fn judge(case: &Case, seen: &Seen) -> Vec<Difference> {
    let mut judging = Judging { case, seen, found: Vec::new() };
    if seen.unfinished {
        let line = "it does not come to an end: messages are still sent, again and again";
        judging.differs("the case", case.at, line.to_owned());
    }
    judging.messages();
    match &case.expect.to {
        Some(to) => judging.deliveries(to),
        None => judging.all_delivered(),
    }
    judging.journal();
    judging.found
}

struct Judging<'c> {
    case: &'c Case,
    seen: &'c Seen,
    found: Vec<Difference>,
}

impl Judging<'_> {
    fn differs(&mut self, about: &str, at: Span, line: String) {
        self.found.push(Difference { about: about.to_owned(), at, lines: vec![line] });
    }

    fn expects(&mut self, about: &str, at: Span, expected: &str, got: &str) {
        self.differs(about, at, format!("expected {expected}, got {got}"));
    }

    fn messages(&mut self) {
        let expect = &self.case.expect;
        let is_one = self.seen.messages.len() == 1;
        for (index, message) in self.seen.messages.iter().enumerate() {
            let about = match is_one {
                true => "message".to_owned(),
                false => format!("message {}", index + 1),
            };
            let said = match expect.outcomes.as_slice() {
                [one] => Some(one),
                many => many.get(index),
            };
            let (outcome, at) =
                said.map_or((MessageWord::Routed, self.case.at), |it| (it.value, it.at));
            if message.outcome != outcome {
                self.expects(&about, at, outcome.word(), &told(message));
                continue;
            }
            if matches!(outcome, MessageWord::Filtered | MessageWord::Dead | MessageWord::Refused) {
                let place = message.step.as_deref().or(message.reason.as_deref());
                self.part(&format!("{about}: step"), expect.step.as_ref(), place);
                self.part(
                    &format!("{about}: reason"),
                    expect.reason.as_ref(),
                    message.reason.as_deref(),
                );
            }
        }
    }

    /// That a text has the expected part.
    fn part(&mut self, about: &str, expected: Option<&Located<String>>, got: Option<&str>) {
        let Some(expected) = expected else { return };
        let got = got.unwrap_or("nothing");
        if !got.contains(&expected.value) {
            self.expects(about, expected.at, &format!("`{}`", expected.value), &format!("`{got}`"));
        }
    }

    /// Where nothing is said of deliveries, each must have been delivered.
    fn all_delivered(&mut self) {
        for delivery in &self.seen.deliveries {
            if delivery.outcome != DeliveryWord::Delivered {
                let got = outcome(delivery);
                self.expects(&name(delivery, false), self.case.at, "delivered", &got);
            }
        }
    }

    fn deliveries(&mut self, to: &[ExpectTo]) {
        for expected in to {
            let all = self.seen.deliveries.iter().filter(|it| it.target == expected.target);
            let all: Vec<&SeenDelivery> = all.collect();
            let target = expected.target.to_string();
            if all.len() != expected.deliveries.len() {
                let wanted = count(expected.deliveries.len());
                self.expects(&target, expected.at, &wanted, &self.got(&all, &target));
                continue;
            }
            let is_many = 1 < all.len();
            for (expected, delivery) in expected.deliveries.iter().zip(all) {
                self.delivery(expected, delivery, is_many);
            }
        }
        for delivery in &self.seen.deliveries {
            if !to.iter().any(|it| it.target == delivery.target) {
                let line = format!("{}, and the case says nothing of it", outcome(delivery));
                self.differs(&name(delivery, false), self.case.at, line);
            }
        }
    }

    /// What a target got, and why nothing where that can be told.
    fn got(&self, all: &[&SeenDelivery], target: &str) -> String {
        if !all.is_empty() {
            return count(all.len());
        }
        let skipped = format!("skipped {target}");
        let lines = self.seen.messages.iter().flat_map(|it| &it.journal);
        let is_skipped = lines.into_iter().any(|it| it.contains("skipped ") && it.contains(target));
        if is_skipped { skipped } else { "no delivery".to_owned() }
    }

    fn delivery(&mut self, expected: &ExpectDelivery, got: &SeenDelivery, is_many: bool) {
        let about = name(got, is_many);
        if got.outcome != expected.outcome {
            self.expects(&about, expected.at, expected.outcome.word(), &outcome(got));
            return;
        }
        if let Some(attempts) = &expected.attempts {
            self.attempts(&about, attempts, got);
        }
        if let Some(body) = &expected.body {
            self.body(&format!("{about}: body"), body, got);
        }
        self.part(&format!("{about}: reason"), expected.reason.as_ref(), got.reason.as_deref());
        self.call(&about, expected, got);
    }

    fn attempts(&mut self, about: &str, expected: &Located<Attempts>, got: &SeenDelivery) {
        let times: Vec<Duration> = got.attempts.iter().map(|it| it.at).collect();
        let about = format!("{about}: attempts");
        match &expected.value {
            Attempts::Count(count) if *count != times.len() as u64 => {
                let got = format!("{} ({})", times.len(), all_times(&times));
                self.expects(&about, expected.at, &count.to_string(), &got);
            }
            Attempts::At(all) => {
                let near =
                    |(left, right): (&Duration, &Duration)| left.abs_diff(*right) <= TIME_OFF_MAX;
                if all.len() != times.len() || !all.iter().zip(&times).all(near) {
                    self.expects(&about, expected.at, &all_times(all), &all_times(&times));
                }
            }
            Attempts::Count(_) => {}
        }
    }

    fn body(&mut self, about: &str, expected: &ExpectBody, got: &SeenDelivery) {
        let Some(body) = &got.body else {
            return self.expects(about, expected.at, "a body", "none: it could not be made");
        };
        let given = self.seen.messages.get(got.message);
        let given = given.map_or(&b"null"[..], |it| &it.message.body);
        let lines = scoped(given, self.case.now, |scope| {
            let arena = Arena::with_limit(MEMORY_MAX);
            let limits = Limits { depth: Limits::DEPTH_MAX };
            let got = parse(&arena, body, &limits).map_err(|error| error.to_string())?;
            match expected.shape.apply(scope) {
                Ok(Some(wanted)) => Ok(compare(wanted, got, expected.is_whole)),
                Ok(None) => Err("what is expected is nothing in this message".to_owned()),
                Err(rejected) => Err(format!("what is expected cannot be made: {rejected}")),
            }
        });
        let lines = lines.unwrap_or_else(|why| vec![why]);
        if !lines.is_empty() {
            self.found.push(Difference { about: about.to_owned(), at: expected.at, lines });
        }
    }

    /// What went out with the first attempt.
    fn call(&mut self, about: &str, expected: &ExpectDelivery, got: &SeenDelivery) {
        if expected.request.is_none() && expected.headers.is_empty() {
            return;
        }
        let draft = match got.attempts.first().map(|it| &it.draft) {
            Some(Ok(draft)) => draft,
            Some(Err(why)) => return self.expects(about, expected.at, "a call", why),
            None => return self.expects(about, expected.at, "a call", "none: it was never sent"),
        };
        if let Some(request) = expected.request.as_ref().filter(|it| it.value != draft.line) {
            let (wanted, got) = (format!("`{}`", request.value), format!("`{}`", draft.line));
            self.expects(&format!("{about}: request"), request.at, &wanted, &got);
        }
        for (name, value) in &expected.headers {
            let sent = draft.headers.get(name);
            if sent != Some(value.value.as_str()) {
                let got = sent.map_or_else(|| "no such header".to_owned(), |it| format!("`{it}`"));
                let about = format!("{about}: header {name}");
                self.expects(&about, value.at, &format!("`{}`", value.value), &got);
            }
        }
    }

    fn journal(&mut self) {
        let all: Vec<&String> = self.seen.messages.iter().flat_map(|it| &it.journal).collect();
        let mut rest = all.as_slice();
        for expected in &self.case.expect.journal {
            match rest.iter().position(|it| it.contains(&expected.value)) {
                Some(index) => rest = rest.get(index + 1..).unwrap_or_default(),
                None => {
                    let mut lines = vec![format!("no line with `{}`; it goes on:", expected.value)];
                    lines.extend(rest.iter().map(|it| format!("  {it}")));
                    let (about, at) = ("journal".to_owned(), expected.at);
                    self.found.push(Difference { about, at, lines });
                    return;
                }
            }
        }
    }
}

/// What became of a message, with where or why.
fn told(message: &SeenMessage) -> String {
    let word = message.outcome.word();
    match (&message.step, &message.reason) {
        (Some(step), _) => format!("{word} by {step}"),
        (None, Some(reason)) => format!("{word} ({reason})"),
        (None, None) => word.to_owned(),
    }
}

fn outcome(delivery: &SeenDelivery) -> String {
    let word = delivery.outcome.word();
    match (&delivery.reason, delivery.attempts.last()) {
        (Some(reason), _) => format!("{word} ({reason})"),
        (None, Some(last)) if delivery.outcome != DeliveryWord::Delivered => {
            format!("{word} ({})", last.answer)
        }
        _ => word.to_owned(),
    }
}

fn name(delivery: &SeenDelivery, is_many: bool) -> String {
    match is_many || 0 < delivery.ordinal {
        true => format!("{} [{}]", delivery.target, delivery.ordinal),
        false => delivery.target.to_string(),
    }
}

fn count(count: usize) -> String {
    match count {
        0 => "no delivery".to_owned(),
        1 => "1 delivery".to_owned(),
        many => format!("{many} deliveries"),
    }
}

fn all_times(times: &[Duration]) -> String {
    let whole = |it: &Duration| DurationText(Duration::from_millis(millis(*it))).to_string();
    format!("[{}]", times.iter().map(whole).collect::<Vec<_>>().join(", "))
}

/// To the second, where it is near one: that is how times are expected.
fn millis(time: Duration) -> u64 {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let off = ms % 1_000;
    if off <= 100 { ms - off } else { ms }
}
