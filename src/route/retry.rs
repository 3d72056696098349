//! Retry policies as people write them: by name, or field by field over what they inherit.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;

use super::plan::RetryPolicy;
use crate::diagnostic::{
    Code, Located, Node, NodeKind, Report, Span, Text, decode, nearest, text, units::DurationText,
};

/// `{ first, factor, max, give_up }`; what is left out is inherited.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrySpec {
    /// The pause after the first failure.
    #[schemars(extend("default" = DurationText(RetryPolicy::STANDARD.first).to_string()))]
    pub first: Option<Located<DurationText>>,
    /// What each further pause is multiplied with; from 1 to 100.
    #[schemars(range(min = 1, max = 100), extend("default" = 3))]
    pub factor: Option<Located<f64>>,
    /// No pause is longer, but for a `Retry-After`.
    #[schemars(extend("default" = DurationText(RetryPolicy::STANDARD.max).to_string()))]
    pub max: Option<Located<DurationText>>,
    /// How long after a delivery was made it is given up; at most `365d`.
    #[schemars(extend("default" = DurationText(RetryPolicy::STANDARD.give_up).to_string()))]
    pub give_up: Option<Located<DurationText>>,
}

/// The shortest first pause: less only adds load to a system that already fails.
const FIRST_MIN: Duration = Duration::from_millis(10);

/// The longest that a delivery is tried: beyond a year nobody waits for it.
const GIVE_UP_MAX: Duration = Duration::from_hours(365 * 24);

/// The largest factor: more is a slip of the finger.
const FACTOR_MAX: f64 = 100.0;

impl RetrySpec {
    /// The policy of this over `base`, adding what is wrong to `report`.
    pub fn over(&self, base: RetryPolicy, report: &mut Report) -> RetryPolicy {
        let duration = |it: &Option<Located<DurationText>>| it.as_ref().map(|it| it.value.0);
        let policy = RetryPolicy {
            first: duration(&self.first).unwrap_or(base.first),
            factor: self.factor.as_ref().map_or(base.factor, |it| it.value),
            max: duration(&self.max).unwrap_or(base.max),
            give_up: duration(&self.give_up).unwrap_or(base.give_up),
        };
        let mut wrong = |at: Option<Span>, message: Text, help: Text| {
            if let Some(at) = at {
                report.error(at, Code::WrongKind, message).help(help);
            }
        };
        let at = |it: &Option<Located<DurationText>>| it.as_ref().map(|it| it.at);
        let first = at(&self.first);
        if policy.first < FIRST_MIN {
            wrong(first, text!("a first pause too short to help"), text!("write at least `10ms`"));
        }
        if !(1.0..=FACTOR_MAX).contains(&policy.factor) {
            let at = self.factor.as_ref().map(|it| it.at);
            wrong(at, text!("a factor out of range"), text!("write a number from 1 to 100"));
        }
        if policy.max < policy.first {
            let help = text!("write at least `{}` for `max`", &DurationText(policy.first));
            wrong(at(&self.max).or(first), text!("`max` is shorter than `first`"), help);
        }
        if policy.give_up < policy.first {
            let help = text!("write at least `{}` for `give_up`", &DurationText(policy.first));
            let at = at(&self.give_up).or(first);
            wrong(
                at,
                text!("`give_up` is shorter than `first`: nothing is ever tried again"),
                help,
            );
        }
        if GIVE_UP_MAX < policy.give_up {
            wrong(
                at(&self.give_up),
                text!("`give_up` is longer than a year"),
                text!("write at most `365d`"),
            );
        }
        policy
    }
}

/// The policy that `node` writes down over `base`: a name, or fields.
pub(super) fn policy(
    node: Option<&Node>,
    base: RetryPolicy,
    named: &BTreeMap<String, RetryPolicy>,
    report: &mut Report,
) -> RetryPolicy {
    let Some(node) = node.filter(|it| it.at != Span::NOWHERE) else { return base };
    let NodeKind::Scalar(scalar) = &node.kind else {
        return decode::<RetrySpec>(node, report).map_or(base, |it| it.over(base, report));
    };
    if let Some(policy) = named.get(&scalar.text) {
        return *policy;
    }
    let message = text!("no retry policy `{}`", &scalar.text);
    let found = report.error(node.at, Code::UnknownName, message);
    found.label("not under `retry:` in simpul.yaml");
    match nearest(&scalar.text, named.keys().map(String::as_str)) {
        Some(name) => found.help(text!("did you mean `{}`?", name)),
        None if scalar.text.bytes().all(|it| it.is_ascii_digit()) => {
            found.help("tries end after a time, not after a number of them: `{ give_up: 3d }`")
        }
        None => found.help("write a name from there, or `{ first: 5s, max: 30m, give_up: 3d }`"),
    };
    base
}

/// Adds to `report` that tries would go on after the message has expired. A policy by name, and what
/// a policy inherits, is not the author's word about this message.
pub(super) fn outlives(written: &Node, policy: &RetryPolicy, ttl: Duration, report: &mut Report) {
    let NodeKind::Map(entries) = &written.kind else { return };
    let place = |key: &str| entries.iter().find(|(it, _)| it.value == key).map(|(_, it)| it.at);
    let longer = [("first", policy.first), ("give_up", policy.give_up)];
    for (key, length) in longer.into_iter().filter(|(_, it)| ttl <= *it) {
        let Some(at) = place(key).filter(|_| key == "first" || ttl < length) else { continue };
        let message =
            text!("`{}` is longer than the message lives: `ttl` is `{}`", key, &DurationText(ttl));
        let found = report.warn(at, Code::OutlivesMessage, message);
        found.label(match key {
            "first" => text!("the message expires before it is tried a second time"),
            _ => text!("the message expires before"),
        });
        found.help(text!("write less than `{}` here, or a longer `ttl`", &DurationText(ttl)));
        return;
    }
}
