//! Plays many cases, on all cores.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    cli::{
        CouldNot,
        project::{Files, Instead, read_with_tests},
    },
    diagnostic::{Language, Text, nearest, text},
    message::Limits,
    route::{Broken, Plan},
    trial::{Case, Difference, Seen, Stage, Suite, judge},
};

/// Which cases are to be played.
pub(super) struct Wanted<'a> {
    /// Of these routes; of all, if there is none.
    pub(super) routes: &'a [String],
    /// With this in their name.
    pub(super) case: Option<&'a str>,
    /// In this language it is told what is wrong with them.
    pub(super) language: Language,
}

/// A case that was played.
pub(super) struct Played<'a> {
    pub(super) suite: &'a Suite,
    pub(super) case: &'a Case,
    /// What happened, and how it differs from what is expected; or why it could not be played.
    pub(super) came: Result<(Seen, Vec<Difference>), Text>,
    pub(super) took: Duration,
}

impl Played<'_> {
    pub(super) fn has_passed(&self) -> bool {
        self.came.as_ref().is_ok_and(|(_, differences)| differences.is_empty())
    }
}

impl Wanted<'_> {
    /// That there are such routes.
    ///
    /// # Errors
    ///
    /// Names the one that is not there.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), CouldNot> {
        for name in self.routes {
            if !plan.routes.contains_key(name.as_str()) {
                let near = nearest(name, plan.routes.keys().map(|it| &**it));
                let help = near.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
                return Err(CouldNot(format!("there is no route `{name}`{help}")));
            }
        }
        Ok(())
    }

    fn wants(&self, suite: &Suite, case: &Case) -> bool {
        let of_route = self.routes.is_empty() || self.routes.iter().any(|it| **it == *suite.route);
        of_route && self.case.is_none_or(|it| case.name.contains(it))
    }
}

/// Plays the cases that are wanted; they come back in the order of the files.
///
/// # Errors
///
/// When there is no stage to play them on.
pub(super) fn play<'a>(
    project: &Path,
    (files, suites): (&'a Files, &'a [Suite]),
    wanted: &Wanted<'_>,
) -> Result<Vec<Played<'a>>, CouldNot> {
    let all = suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
    let all: Vec<_> = all.filter(|(suite, case)| wanted.wants(suite, case)).collect();
    let plans =
        Plans::of(project, (&files.plan, wanted.language), all.iter().map(|(_, case)| *case));
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, Played<'a>>> = Mutex::default();
    let limits = Limits { depth: files.settings.depth_max };
    let work = || -> Result<(), String> {
        let stage = Stage::set(limits, files.settings.body_bytes_max);
        let stage = stage.map_err(|error| error.to_string())?;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some((suite, case)) = all.get(index).copied() else { return Ok(()) };
            let began = Instant::now();
            let came = one(&stage, &plans, suite, case);
            let played = Played { suite, case, came, took: began.elapsed() };
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(index, played);
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from).min(all.len().max(1));
    let ended = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let gone = || Err("bug: a thread that plays cases ended".to_owned());
        threads.into_iter().try_for_each(|it| it.join().unwrap_or_else(|_| gone()))
    });
    ended.map_err(CouldNot)?;
    Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect())
}

fn one(
    stage: &Stage,
    plans: &Plans<'_>,
    suite: &Suite,
    case: &Case,
) -> Result<(Seen, Vec<Difference>), Text> {
    let plan = plans.get(case)?;
    let route = plan.routes.get(&suite.route).map(Arc::clone);
    let route = route.ok_or_else(|| text!("bug: the route is not there"))?;
    let seen = stage.play(plan, &route, case).map_err(|error| text!("{}", &error))?;
    let differences = judge(case, &seen);
    Ok((seen, differences))
}

/// The files, and the files with other code tables.
pub(super) struct Plans<'a> {
    usual: &'a Plan,
    language: Language,
    others: BTreeMap<&'a Instead, Result<Plan, Broken>>,
}

impl<'a> Plans<'a> {
    pub(super) fn of(
        project: &Path,
        (usual, language): (&'a Plan, Language),
        cases: impl Iterator<Item = &'a Case>,
    ) -> Self {
        let mut others = BTreeMap::new();
        for case in cases.filter(|it| !it.tables.is_empty()) {
            others.entry(&case.tables).or_insert_with(|| {
                let read = read_with_tests(project, &case.tables);
                read.map(|(files, _)| files.plan)
            });
        }
        Self { usual, language, others }
    }

    pub(super) fn get(&self, case: &Case) -> Result<&Plan, Text> {
        match self.others.get(&case.tables) {
            None => Ok(self.usual),
            Some(Ok(plan)) => Ok(plan),
            Some(Err(broken)) => {
                let why = broken.told(self.language);
                Err(text!("with its code tables the files are wrong:\n{}", &why))
            }
        }
    }
}
