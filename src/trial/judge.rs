//! Whether what happened is what a case expects: every difference, each in words of the file.

use std::time::Duration;

use super::{
    Attempts, Case, DeliveryWord, ExpectBody, ExpectDelivery, ExpectTo, MessageWord, Seen,
    SeenDelivery, SeenMessage, body::scoped, compare::compare,
};
use crate::{
    connector::Draft,
    diagnostic::{Located, Span, Text, text, units::DurationText},
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
    pub about: Text,
    /// Where in the file it is expected.
    pub at: Span,
    /// What differs, a line for each.
    pub lines: Vec<Text>,
}

/// Holds what happened against a case.
pub fn judge(case: &Case, seen: &Seen) -> Vec<Difference> {
    let mut judging = Judging { case, seen, found: Vec::new() };
    if seen.unfinished {
        let line = text!("it does not come to an end: messages are still sent, again and again");
        judging.differs(text!("the case"), case.at, line);
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
    fn differs(&mut self, about: Text, at: Span, line: Text) {
        self.found.push(Difference { about, at, lines: vec![line] });
    }

    fn expects(&mut self, about: Text, at: Span, expected: Text, got: Text) {
        self.differs(about, at, text!("expected {}, got {}", expected, got));
    }

    fn messages(&mut self) {
        let expect = &self.case.expect;
        let is_one = self.seen.messages.len() == 1;
        for (index, message) in self.seen.messages.iter().enumerate() {
            let about = match is_one {
                true => text!("message"),
                false => text!("message {}", &(index + 1)),
            };
            let said = match expect.outcomes.as_slice() {
                [one] => Some(one),
                many => many.get(index),
            };
            let (outcome, at) =
                said.map_or((MessageWord::Routed, self.case.at), |it| (it.value, it.at));
            if message.outcome != outcome {
                self.expects(about, at, text!("{}", outcome.word()), told(message));
                continue;
            }
            if matches!(outcome, MessageWord::Filtered | MessageWord::Dead | MessageWord::Refused) {
                let place = message.step.as_deref().or(message.reason.as_deref());
                self.part(text!("{}: step", about.clone()), expect.step.as_ref(), place);
                let reason = message.reason.as_deref();
                self.part(text!("{}: reason", about), expect.reason.as_ref(), reason);
            }
        }
    }

    /// That a text has the expected part.
    fn part(&mut self, about: Text, expected: Option<&Located<String>>, got: Option<&str>) {
        let Some(expected) = expected else { return };
        if !got.is_some_and(|it| it.contains(&expected.value)) {
            let got = got.map_or_else(|| text!("nothing"), |it| text!("`{}`", it));
            self.expects(about, expected.at, text!("`{}`", &expected.value), got);
        }
    }

    /// Where nothing is said of deliveries, each must have been delivered.
    fn all_delivered(&mut self) {
        for delivery in &self.seen.deliveries {
            if delivery.outcome != DeliveryWord::Delivered {
                let got = outcome(delivery);
                let wanted = text!("{}", DeliveryWord::Delivered.word());
                self.expects(name(delivery, false), self.case.at, wanted, got);
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
                let got = self.got(&all, &target);
                self.expects(text!("{}", &target), expected.at, wanted, got);
                continue;
            }
            let is_many = 1 < all.len();
            for (expected, delivery) in expected.deliveries.iter().zip(all) {
                self.delivery(expected, delivery, is_many);
            }
        }
        for delivery in &self.seen.deliveries {
            if !to.iter().any(|it| it.target == delivery.target) {
                let line = text!("{}, and the case says nothing of it", outcome(delivery));
                self.differs(name(delivery, false), self.case.at, line);
            }
        }
    }

    /// What a target got, and why nothing where that can be told.
    fn got(&self, all: &[&SeenDelivery], target: &str) -> Text {
        if !all.is_empty() {
            return count(all.len());
        }
        let lines = self.seen.messages.iter().flat_map(|it| &it.journal);
        let is_skipped = lines.into_iter().any(|it| it.contains("skipped ") && it.contains(target));
        if is_skipped { text!("skipped {}", target) } else { text!("no delivery") }
    }

    fn delivery(&mut self, expected: &ExpectDelivery, got: &SeenDelivery, is_many: bool) {
        let about = name(got, is_many);
        if got.outcome != expected.outcome {
            self.expects(about, expected.at, text!("{}", expected.outcome.word()), outcome(got));
            return;
        }
        if let Some(attempts) = &expected.attempts {
            self.attempts(about.clone(), attempts, got);
        }
        if let Some(body) = &expected.body {
            self.body(text!("{}: body", about.clone()), body, got);
        }
        let reason = text!("{}: reason", about.clone());
        self.part(reason, expected.reason.as_ref(), got.reason.as_deref());
        self.call(&about, expected, got);
    }

    fn attempts(&mut self, about: Text, expected: &Located<Attempts>, got: &SeenDelivery) {
        let times: Vec<Duration> = got.attempts.iter().map(|it| it.at).collect();
        let about = text!("{}: attempts", about);
        match &expected.value {
            Attempts::Count(count) if *count != times.len() as u64 => {
                let got = text!("{} ({})", &times.len(), &all_times(&times));
                self.expects(about, expected.at, text!("{}", count), got);
            }
            Attempts::At(all) => {
                let near =
                    |(left, right): (&Duration, &Duration)| left.abs_diff(*right) <= TIME_OFF_MAX;
                if all.len() != times.len() || !all.iter().zip(&times).all(near) {
                    let (wanted, got) = (all_times(all), all_times(&times));
                    self.expects(about, expected.at, text!("{}", &wanted), text!("{}", &got));
                }
            }
            Attempts::Count(_) => {}
        }
    }

    fn body(&mut self, about: Text, expected: &ExpectBody, got: &SeenDelivery) {
        let Some(body) = &got.body else {
            let got = text!("none: it could not be made");
            return self.expects(about, expected.at, text!("a body"), got);
        };
        let given = self.seen.messages.get(got.message);
        let given = given.map_or(&b"null"[..], |it| &it.message.body);
        let lines = scoped(given, self.case.now, |scope| {
            let arena = Arena::with_limit(MEMORY_MAX);
            let limits = Limits { depth: Limits::DEPTH_MAX };
            let got = parse(&arena, body, &limits).map_err(|error| text!("{}", &error))?;
            match expected.shape.apply(scope) {
                Ok(Some(wanted)) => Ok(compare(wanted, got, expected.is_whole)),
                Ok(None) => Err(text!("what is expected is nothing in this message")),
                Err(rejected) => Err(text!("what is expected cannot be made: {}", &rejected)),
            }
        });
        let lines = lines.unwrap_or_else(|why| vec![why]);
        if !lines.is_empty() {
            self.found.push(Difference { about, at: expected.at, lines });
        }
    }

    /// What went out with the first attempt.
    fn call(&mut self, about: &Text, expected: &ExpectDelivery, got: &SeenDelivery) {
        if expected.request.is_none() && expected.headers.is_empty() {
            return;
        }
        let not_sent = match got.attempts.first().map(|it| &it.draft) {
            Some(Ok(draft)) => return self.drafted(about, expected, draft),
            Some(Err(why)) => text!("{}", why),
            None => text!("none: it was never sent"),
        };
        self.expects(about.clone(), expected.at, text!("a call"), not_sent);
    }

    fn drafted(&mut self, about: &Text, expected: &ExpectDelivery, draft: &Draft) {
        if let Some(request) = expected.request.as_ref().filter(|it| it.value != draft.line) {
            let (wanted, got) = (text!("`{}`", &request.value), text!("`{}`", &draft.line));
            self.expects(text!("{}: request", about.clone()), request.at, wanted, got);
        }
        for (name, value) in &expected.headers {
            let sent = draft.headers.get(name);
            if sent != Some(value.value.as_str()) {
                let got = sent.map_or_else(|| text!("no such header"), |it| text!("`{}`", it));
                let about = text!("{}: header {}", about.clone(), name);
                self.expects(about, value.at, text!("`{}`", &value.value), got);
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
                    let mut lines = vec![text!("no line with `{}`; it goes on:", &expected.value)];
                    lines.extend(rest.iter().map(|it| text!("  {}", it)));
                    let (about, at) = (text!("journal"), expected.at);
                    self.found.push(Difference { about, at, lines });
                    return;
                }
            }
        }
    }
}

/// What became of a message, with where or why.
fn told(message: &SeenMessage) -> Text {
    let word = message.outcome.word();
    match (&message.step, &message.reason) {
        (Some(step), _) => text!("{} by {}", word, step),
        (None, Some(reason)) => text!("{} ({})", word, reason),
        (None, None) => text!("{}", word),
    }
}

fn outcome(delivery: &SeenDelivery) -> Text {
    let word = delivery.outcome.word();
    match (&delivery.reason, delivery.attempts.last()) {
        (Some(reason), _) => text!("{} ({})", word, reason),
        (None, Some(last)) if delivery.outcome != DeliveryWord::Delivered => {
            text!("{} ({})", word, &last.answer)
        }
        _ => text!("{}", word),
    }
}

fn name(delivery: &SeenDelivery, is_many: bool) -> Text {
    match is_many || 0 < delivery.ordinal {
        true => text!("{} [{}]", &delivery.target, &delivery.ordinal),
        false => text!("{}", &delivery.target),
    }
}

fn count(count: usize) -> Text {
    match count {
        0 => text!("no delivery"),
        1 => text!("1 delivery"),
        many => text!("{} deliveries", &many),
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
