//! The numbers as a person reads them: while it runs, and at the end.

use super::{figures::Figures, stage::View};
use crate::ops::wire::TargetView;

/// The state of all routes and targets, one line each.
pub(super) fn progress(view: &View) -> Vec<String> {
    let mut lines = Vec::new();
    for route in &view.routes {
        lines.push(format!(
            "{:<30} received {:>5}  repeats {:>3}  filtered {:>4}  dead {:>3}  in hand {:>4}",
            route.route, route.received, route.repeats, route.filtered, route.dead, route.in_hand
        ));
        for target in &route.targets {
            let place = (route.route.clone(), target.target.clone());
            let seen = view.counted.targets.get(&place).copied().unwrap_or_default();
            lines.push(format!(
                "  {:<28} took {:>9}  of {:>8}  calls {:>7}  dead {:>3}{}",
                target.target,
                seen.delivered,
                target.created,
                seen.attempts,
                target.dead,
                trouble(target)
            ));
        }
    }
    lines
}

/// What an operator would notice about a target; empty where all is well.
pub(super) fn trouble(target: &TargetView) -> String {
    let mut said = String::new();
    let states =
        [("waiting", target.waiting), ("retrying", target.retrying), ("paused", target.paused)];
    for (name, count) in states.into_iter().filter(|(_, count)| *count > 0) {
        said.push_str(&format!("  {name} {count}"));
    }
    if target.breaker != "closed" {
        said.push_str(&format!("  breaker {}", target.breaker));
    }
    if let Some(pause) = &target.pause {
        said.push_str(&format!("  PAUSED: {}", pause.reason));
    }
    said
}

/// The reconciliation.
pub(super) fn reconciliation(figures: &Figures) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, route) in &figures.routes {
        lines.push(format!(
            "{name:<30} received {:>6}  repeats {:>4}  filtered {:>5}  dead {:>4}",
            thousands(route.received),
            thousands(route.repeats),
            thousands(route.filtered),
            thousands(route.dead)
        ));
        for (target, it) in &route.targets {
            lines.push(format!(
                "  {target:<28} delivered {:>5}  attempts {:>5}  dead {:>4}",
                thousands(it.delivered),
                thousands(it.attempts),
                thousands(it.dead)
            ));
        }
        if !route.checks.is_empty() {
            let rules = route.checks.iter().map(|(rule, count)| format!("{rule} {count}"));
            let rules = rules.collect::<Vec<_>>().join(", ");
            lines.push(format!("  complete documents that failed a rule: {rules}"));
        }
    }
    if let Some(it) = &figures.crashes {
        lines.push(format!(
            "killed {} times; repeats at the stand-ins {}, of them not flagged {}; accounts that \
             added up {}",
            it.kills, it.repeated, it.unflagged, it.accounts_checked
        ));
    }
    lines.push(format!(
        "published {}, lost {}",
        thousands(figures.published),
        thousands(figures.lost)
    ));
    lines
}

/// A number in groups of three: `1,053`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::figures::{RouteFigures, TargetFigures};

    #[test]
    fn the_reconciliation_reads_like_an_account() {
        let mut route =
            RouteFigures { received: 1_053, repeats: 53, filtered: 421, ..Default::default() };
        route.checks.insert("R1".to_owned(), 28);
        let target = TargetFigures { delivered: 579, attempts: 1_579, dead: 0 };
        route.targets.insert("bawaslu.salinan-hasil".to_owned(), target);
        let mut figures = Figures { published: 1_053, ..Figures::default() };
        figures.routes.insert("hasil-tps".to_owned(), route);
        insta::assert_snapshot!(reconciliation(&figures).join("\n"), @r"
        hasil-tps                      received  1,053  repeats   53  filtered   421  dead    0
          bawaslu.salinan-hasil        delivered   579  attempts 1,579  dead    0
          complete documents that failed a rule: R1 28
        published 1,053, lost 0
        ");
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        let told = [0, 999, 1_000, 1_234_567].map(thousands);
        assert_eq!(told, ["0", "999", "1,000", "1,234,567"]);
    }
}
