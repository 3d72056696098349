//! The systems that the files name: whether they can be reached, how long their certificates hold,
//! and what time it is there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::timeout};

use super::Line;
use crate::{
    cli::screen::age,
    connector::{CallError, Class, Pull, Reached, Target},
    message::{Clock, Digest, Timestamp},
    route::Plan,
};

/// Systems that are looked at at once.
const AT_ONCE: usize = 16;

/// After this the doctor goes on; a connector gives up before.
const TIME_MAX: Duration = Duration::from_secs(15);

/// A certificate that ends sooner is told.
const CERTIFICATE_SOON: Duration = Duration::from_hours(21 * 24);

/// Clocks that are further apart make times in the journal hard to compare.
const CLOCK_WARN_MS: i64 = 5_000;

/// Clocks that are further apart make signatures and certificates fail.
const CLOCK_FAIL_MS: i64 = 300_000;

/// What is looked at once, and for whom.
struct Place {
    names: Vec<String>,
    what: What,
}

enum What {
    Target(Arc<dyn Target>),
    Source(Arc<dyn Pull>),
}

/// Looks at everything that the files name, in the order of the names.
pub(super) async fn all(plan: &Plan, clocks: &mut Clocks) -> Vec<Line> {
    let mut waiting = places(plan).into_iter().enumerate();
    let (mut running, mut seen) = (JoinSet::new(), BTreeMap::new());
    loop {
        while running.len() < AT_ONCE
            && let Some((index, place)) = waiting.next()
        {
            running.spawn(async move { (index, reach(&place).await, place) });
        }
        let Some(done) = running.join_next().await else { break };
        // One that panicked is a bug, and told by the hook.
        let Ok((index, reached, place)) = done else { continue };
        seen.insert(index, (place, reached));
    }
    let now = Clock::system().now();
    let told = seen.into_values().map(|(place, reached)| {
        let (about, name) = (place.what.about(), place.name());
        if let Ok(Reached { ahead_ms: Some(ahead), .. }) = &reached {
            clocks.saw(&place.system(), *ahead);
        }
        judge(about, &name, reached, now)
    });
    told.collect::<Vec<_>>().concat()
}

/// Targets behind one address are one place.
fn places(plan: &Plan) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut known: BTreeMap<(&str, [u8; 32]), usize> = BTreeMap::new();
    for (endpoint, it) in &plan.targets {
        let target = &it.open.target;
        let place = target.place().map(|Digest(bytes)| (&*endpoint.system, bytes));
        let index = place.and_then(|it| known.get(&it).copied());
        match index.and_then(|it| places.get_mut(it)) {
            Some(place) => place.names.push(endpoint.to_string()),
            None => {
                if let Some(place) = place {
                    known.insert(place, places.len());
                }
                let (names, what) = (vec![endpoint.to_string()], What::Target(Arc::clone(target)));
                places.push(Place { names, what });
            }
        }
    }
    for (endpoint, it) in &plan.sources {
        if let Some(pulled) = &it.source.pull {
            let what = What::Source(Arc::clone(&pulled.pull));
            places.push(Place { names: vec![endpoint.to_string()], what });
        }
    }
    places
}

impl Place {
    /// Whose it is.
    fn system(&self) -> String {
        let first = self.names.first().and_then(|it| it.split('.').next());
        format!("`{}`", first.unwrap_or_default())
    }

    /// The first, and how many more.
    fn name(&self) -> String {
        let first = self.names.first().map_or("", String::as_str);
        match self.names.len() {
            0 | 1 => format!("`{first}`"),
            count => format!("`{first}` and {} more of its system", count - 1),
        }
    }
}

impl What {
    fn about(&self) -> &'static str {
        match self {
            Self::Target(_) => "target",
            Self::Source(_) => "source",
        }
    }
}

async fn reach(place: &Place) -> Result<Reached, CallError> {
    let looking = async {
        match &place.what {
            What::Target(target) => target.reach().await,
            What::Source(source) => source.reach().await,
        }
    };
    let late = |_| CallError {
        class: Class::Unavailable,
        status: None,
        reason: format!("no answer within {} s", TIME_MAX.as_secs()),
        retry_after: None,
        suspicious: false,
    };
    timeout(TIME_MAX, looking).await.unwrap_or_else(|it| Err(late(it)))
}

/// A line, and another one where its certificate ends soon.
fn judge(
    about: &'static str,
    name: &str,
    reached: Result<Reached, CallError>,
    now: Timestamp,
) -> Vec<Line> {
    let Reached { summary, warning, certificate_ends, .. } = match reached {
        Ok(reached) => reached,
        Err(error) => return vec![unreached(about, name, &error)],
    };
    let mut lines = vec![match warning {
        Some(warning) => {
            Line::warn(about, format!("{name}: {warning}"), "messages wait; ask its owner")
        }
        None => Line::ok(about, format!("{name}: {summary}")),
    }];
    if let Some(ends) = certificate_ends
        && ends < now.after(CERTIFICATE_SOON)
    {
        let days = ends.since(now).as_secs() / 86_400;
        let what = format!("{name}: its certificate ends in {days} days, on {}", day(ends));
        let todo = "have its owner renew it: after that the target is paused";
        lines.push(Line::warn("certificate", what, todo));
    }
    lines
}

fn unreached(about: &'static str, name: &str, error: &CallError) -> Line {
    // What TLS says of its two moments nobody reads.
    let reason = error.reason.split(": verification time").next().unwrap_or_default();
    let todo = if reason.contains("certificate") {
        "have its owner renew or correct it; an own authority is named as `ca`"
    } else if ["lookup", "resolve", "Name or service"].iter().any(|it| reason.contains(it)) {
        "see the name in its `url`, and the resolver of this machine"
    } else if error.class == Class::Misconfigured {
        "correct its file in connectors/, or what is set up there"
    } else {
        "see that it runs, its address, and firewalls between; messages for it wait"
    };
    Line::fail(about, format!("{name}: {reason}"), todo)
}

fn day(moment: Timestamp) -> String {
    moment.to_string().chars().take("2026-01-17".len()).collect()
}

/// What time it is elsewhere. No time server is asked: systems tell the time with each answer
/// (`Date`), and one clock that is wrong is told from many that are right.
#[derive(Default)]
pub(super) struct Clocks {
    /// By how much each is ahead of this machine, in milliseconds.
    seen: Vec<(String, i64)>,
}

impl Clocks {
    pub(super) fn saw(&mut self, who: &str, ahead_ms: i64) {
        self.seen.push((who.to_owned(), ahead_ms));
    }

    /// What this machine's own clock is like.
    pub(super) fn line(mut self) -> Line {
        self.seen.sort_by_key(|(_, ahead)| *ahead);
        // Of an even number the smaller of the two in the middle.
        let middle = self.seen.len().saturating_sub(1) / 2;
        let Some((who, ahead)) = self.seen.get(middle) else {
            let what = "nobody who was reached tells the time, so nothing was compared";
            return Line::ok("clock", format!("{what} (`timedatectl` knows more)"));
        };
        let count = self.seen.len();
        let by = match count {
            1 => format!("by {who}"),
            _ => format!("by the middle one of {count} that tell the time"),
        };
        let away = age(ahead.unsigned_abs() / 1_000);
        let way = if 0 < *ahead { "behind" } else { "ahead" };
        let what = format!("{away} {way}, {by}");
        let todo = "`timedatectl`: have this machine, or that one, follow a time server";
        match ahead.abs() {
            0..CLOCK_WARN_MS => Line::ok("clock", format!("right within 5 s, {by}")),
            CLOCK_WARN_MS..CLOCK_FAIL_MS => Line::warn("clock", what, todo),
            _ => Line::fail("clock", what, todo),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::render;

    fn clock(aheads: &[i64]) -> String {
        let mut clocks = Clocks::default();
        aheads.iter().for_each(|it| clocks.saw("`arsip`", *it));
        render(&[clocks.line()]).lines().next().unwrap().to_owned()
    }

    #[test]
    fn one_wrong_clock_among_many_is_not_ours() {
        insta::assert_snapshot!(clock(&[100, -200, 3_600_000]), @"ok    clock  right within 5 s, by the middle one of 3 that tell the time");
        insta::assert_snapshot!(clock(&[60_000]), @"warn  clock  1 min behind, by `arsip`; `timedatectl`: have this machine, or that one, follow a time server");
        insta::assert_snapshot!(clock(&[-3_600_000, -3_600_500]), @"fail  clock  1 h 0 min ahead, by the middle one of 2 that tell the time; `timedatectl`: have this machine, or that one, follow a time server");
        insta::assert_snapshot!(clock(&[]), @"ok    clock  nobody who was reached tells the time, so nothing was compared (`timedatectl` knows more)");
    }

    #[test]
    fn a_certificate_that_ends_soon_is_told_beforehand() {
        let now = Timestamp::parse("2026-01-17").unwrap();
        let reached = |ends: &str| Reached {
            summary: "answers".to_owned(),
            certificate_ends: Timestamp::parse(ends),
            ..Reached::default()
        };
        let lines = judge("target", "`arsip.simpan`", Ok(reached("2026-01-29")), now);
        insta::assert_snapshot!(render(&lines), @r"
        ok    target       `arsip.simpan`: answers
        warn  certificate  `arsip.simpan`: its certificate ends in 12 days, on 2026-01-29; have its owner renew it: after that the target is paused

        1 ok, 1 warning, 0 failures
        ");
        assert_eq!(judge("target", "`arsip.simpan`", Ok(reached("2026-03-01")), now).len(), 1);
    }
}
