//! What a case expects, as it is written and as it is compared.

use std::time::Duration;

use super::{
    Attempts, DeliverySpec, DeliveryWord, Expect, ExpectBody, ExpectDelivery, ExpectSpec, ExpectTo,
    MessageWord, body, read::Reading,
};
use crate::diagnostic::{
    Code, Entries, Located, Node, NodeKind, Report, decode, text, units::DurationText,
};

/// Reads the value of `expect` of a case with so many messages.
pub(super) fn read(
    reading: &Reading<'_>,
    node: &Node,
    messages: usize,
    report: &mut Report,
) -> Option<Expect> {
    if let NodeKind::Scalar(_) = &node.kind {
        let word = decode::<Located<MessageWord>>(node, report)?;
        return Some(Expect { outcomes: vec![word], ..Expect::default() });
    }
    let spec: ExpectSpec = decode(node, report)?;
    let outcomes = match &spec.outcome {
        Some(node) => outcomes(node, messages, report),
        None => Some(Vec::new()),
    };
    let to = spec.to.as_ref().map(|it| to(reading, it, report));
    let outcomes = outcomes?;
    let ExpectSpec { step, reason, journal, .. } = spec;
    Some(Expect { outcomes, step, reason, to, journal })
}

/// One for all messages, or one for each.
fn outcomes(
    node: &Node,
    messages: usize,
    report: &mut Report,
) -> Option<Vec<Located<MessageWord>>> {
    let NodeKind::List(nodes) = &node.kind else {
        return Some(vec![decode(node, report)?]);
    };
    let words: Vec<_> = nodes.iter().filter_map(|it| decode(it, report)).collect();
    if words.len() == nodes.len() && words.len() != messages {
        let message = text!("{} outcomes of {} messages", &words.len(), &messages);
        let found = report.error(node.at, Code::Case, message);
        found.help("write one for each message that comes, in their order, or one word for all");
        return None;
    }
    Some(words)
}

fn to(reading: &Reading<'_>, entries: &Entries<Node>, report: &mut Report) -> Vec<ExpectTo> {
    let mut all = Vec::new();
    for (name, node) in entries.iter() {
        let target = reading.target(name, report);
        let deliveries = deliveries(node, report);
        let (Some(target), Some(deliveries)) = (target, deliveries) else { continue };
        all.push(ExpectTo { target, at: name.at, deliveries });
    }
    all
}

fn deliveries(node: &Node, report: &mut Report) -> Option<Vec<ExpectDelivery>> {
    match &node.kind {
        NodeKind::List(nodes) => {
            let all: Vec<_> = nodes.iter().map(|it| delivery(it, true, report)).collect();
            all.into_iter().map(Option::flatten).collect()
        }
        _ => Some(delivery(node, false, report)?.into_iter().collect()),
    }
}

/// One delivery; none, where there must be none.
fn delivery(node: &Node, of_many: bool, report: &mut Report) -> Option<Option<ExpectDelivery>> {
    let spec = match &node.kind {
        NodeKind::Scalar(_) => {
            let outcome = Some(decode::<Located<DeliveryWord>>(node, report)?);
            DeliverySpec { outcome, ..DeliverySpec::default() }
        }
        _ => decode::<DeliverySpec>(node, report)?,
    };
    let outcome = spec.outcome.as_ref().map_or(DeliveryWord::Delivered, |it| it.value);
    if outcome == DeliveryWord::Skipped {
        let is_alone = matches!(node.kind, NodeKind::Scalar(_)) && !of_many;
        if !is_alone {
            let found = report.error(node.at, Code::Case, "a delivery that is none");
            found.help("write `skipped` as all that is said of the target");
        }
        return is_alone.then_some(None);
    }
    let body = match (&spec.body, &spec.has) {
        (Some(_), Some(has)) => {
            let message = text!("the whole body and part of it");
            let found = report.error(has.at, Code::Case, message);
            found.help("write `body:` for all of it, or `has:` for some of its fields");
            return None;
        }
        (Some(node), None) => Some((node, true)),
        (None, Some(node)) => Some((node, false)),
        (None, None) => None,
    };
    let body = match body {
        Some((node, is_whole)) => {
            Some(ExpectBody { at: node.at, shape: body::shape(node, report)?, is_whole })
        }
        None => None,
    };
    if let (Some(reason), false) = (&spec.reason, outcome == DeliveryWord::Dead) {
        let message = text!("a reason of what is `{}`", outcome.word());
        report.error(reason.at, Code::Case, message).help("write `outcome: dead` beside it");
        return None;
    }
    let attempts = match &spec.attempts {
        Some(node) => Some(Located { value: attempts(node, report)?, at: node.at }),
        None => None,
    };
    let headers = spec.headers.into_iter();
    Some(Some(ExpectDelivery {
        at: node.at,
        outcome,
        attempts,
        body,
        request: spec.request,
        headers: headers.map(|(name, value)| (name.value.to_ascii_lowercase(), value)).collect(),
        reason: spec.reason,
    }))
}

fn attempts(node: &Node, report: &mut Report) -> Option<Attempts> {
    if let NodeKind::List(_) = &node.kind {
        let times = decode::<Vec<Located<DurationText>>>(node, report)?;
        let times: Vec<Duration> = times.into_iter().map(|it| it.value.0).collect();
        return Some(Attempts::At(times));
    }
    decode::<u64>(node, report).map(Attempts::Count)
}
