//! `simpul test --record`: a dead letter, or a message in a file, becomes a case of its route's tests,
//! with what is about people masked.

use std::{fs, path::Path};

use crate::{
    cli::{
        CouldNot, Exit, Outcome,
        client::Failure,
        offline::Source,
        pretty::pretty,
        project::{self, Files, Instead},
        screen::{escaped, say},
        wait,
    },
    diagnostic::{Language, text},
    ledger::DeadLetter,
    message::{Clock, Endpoint, Headers, Limits},
    ops::wire::{DeadView, MessageView},
    route::Plan,
    trial::{AnswerWord, Recorded, Seen, Stage, mask},
};

/// Headers that say nothing of the message.
const DULL: [&str; 6] =
    ["accept", "content-length", "content-type", "host", "idempotency-key", "user-agent"];

/// Records what `what` names: the number of a dead letter, or a file with a message of `route`.
pub(super) fn record(project: &Path, what: &str, routes: &[String], language: Language) -> Outcome {
    let found = match what.parse::<i64>() {
        Ok(id) => wait_for(dead_letter(project, id))?,
        Err(_) => in_file(what, routes)?,
    };
    let files = match project::read_with_tests(project, &Instead::new()) {
        Ok((files, suites)) => {
            let ours =
                suites.iter().filter(|it| *it.route == *found.route).flat_map(|it| &it.cases);
            let name = &found.recorded.name;
            if ours.into_iter().any(|it| it.name == *name) {
                return Err(CouldNot(format!("there is a case `{name}` already")));
            }
            files
        }
        Err(broken) => {
            say(&escaped(broken.told(language).trim_end()));
            return Ok(Exit::FoundWrong);
        }
    };
    let route = files.plan.routes.get(found.route.as_str());
    let source = route.and_then(|it| files.plan.sources.get(&it.from));
    let masked = mask(&found.recorded.body, source.and_then(|it| it.schema.as_deref()));
    let original = play(&files, &found)?;
    let (route, recorded) = (found.route, Recorded { body: masked.body, ..found.recorded });
    let found = Found { route, recorded };
    let seen = play(&files, &found)?;
    let case = found.recorded.text(&pretty(&found.recorded.body), &seen);
    let path = format!("routes/{}.test.yaml", found.route);
    let failed = |why: String| CouldNot(format!("`{path}`: {why}"));
    let before = append(&project.join(&path), &case).map_err(failed)?;
    if let Err(broken) = project::read_with_tests(project, &Instead::new()) {
        fs::write(project.join(&path), before).map_err(|error| failed(error.to_string()))?;
        return Err(CouldNot(format!("bug: the case is wrong, and was not added:\n{broken}")));
    }
    let mut told = vec![
        text!("case `{}` is added to {}", &found.recorded.name, &path),
        match masked.fields.as_slice() {
            [] => text!("nothing in it looked personal: look through it before you share it"),
            fields => {
                text!("masked: {}; look through the rest before you share it", &fields.join(", "))
            }
        },
    ];
    if gist(&original) != gist(&seen) {
        told.push(text!(
            "masked, the message goes another way than it came: put values in that the route needs"
        ));
    }
    told.iter().for_each(|it| say(&escaped(&it.told(language))));
    Ok(Exit::Done)
}

/// What is to be recorded, and of which route.
struct Found {
    route: String,
    recorded: Recorded,
}

fn wait_for(found: impl Future<Output = Result<Found, CouldNot>>) -> Result<Found, CouldNot> {
    let mut taken = None;
    wait(async {
        taken = Some(found.await?);
        Ok(Exit::Done)
    })?;
    taken.ok_or_else(|| CouldNot("bug: nothing was found".to_owned()))
}

async fn dead_letter(project: &Path, id: i64) -> Result<Found, CouldNot> {
    let (letter, message) = match Source::of(project).await? {
        Source::Running(client) => {
            let letter = client.get::<DeadView>(&format!("dead/{id}")).await;
            let letter = letter.map_err(|failure| unknown(id, failure))?;
            (letter, client.get::<MessageView>(&format!("dead/{id}/message")).await?)
        }
        Source::Stopped(offline) => {
            let none = || CouldNot(format!("there is no dead letter `{id}`"));
            let letter: DeadLetter = offline.ledger.dead_letter(id).await?.ok_or_else(none)?;
            let message = offline.ledger.message(&letter.route, letter.message).await?;
            let message = offline.opener().message(&letter.route, &message.ok_or_else(none)?);
            let message = message.map_err(|unopened| CouldNot(unopened.to_string()))?;
            (DeadView::of(&letter, Clock::system().now()), MessageView::of(&message))
        }
    };
    let target = letter.target.as_deref().and_then(Endpoint::parse);
    let answer = match letter.class.as_str() {
        "unavailable" => Some(AnswerWord::Unavailable),
        // What its schema refused was never sent.
        "refused" if 0 < letter.attempts => Some(AnswerWord::Refused),
        _ => None,
    };
    let recorded = Recorded {
        name: format!("dead letter {id}: {}", letter.class),
        source: format!("dead letter {id}, {}", letter.at),
        body: message.body,
        headers: told_headers(&message.headers),
        answers: target.zip(answer).into_iter().collect(),
    };
    Ok(Found { route: letter.route, recorded })
}

fn unknown(id: i64, failure: Failure) -> CouldNot {
    match failure {
        Failure::Refused(problem) if problem.code == "not_found" => {
            CouldNot(format!("there is no dead letter `{id}`"))
        }
        other => other.into(),
    }
}

/// The headers that say something, without what looks personal in them.
fn told_headers(headers: &Headers) -> Headers {
    let says = |name: &str| !name.starts_with("simpul-") && !DULL.contains(&name);
    headers.iter().filter(|(name, _)| says(name)).collect()
}

fn in_file(path: &str, routes: &[String]) -> Result<Found, CouldNot> {
    let [route] = routes else {
        let reason = "name the route of the message: `simpul test ROUTE --record FILE`";
        return Err(CouldNot(reason.to_owned()));
    };
    let body = fs::read_to_string(path).map_err(|error| CouldNot(format!("`{path}`: {error}")))?;
    let stem = Path::new(path).file_stem().map(|it| it.to_string_lossy().into_owned());
    let recorded = Recorded {
        name: stem.unwrap_or_default(),
        source: path.to_owned(),
        body,
        headers: Headers::default(),
        answers: Vec::new(),
    };
    Ok(Found { route: route.clone(), recorded })
}

fn play(files: &Files, found: &Found) -> Result<Seen, CouldNot> {
    let plan: &Plan = &files.plan;
    let none = || CouldNot(format!("there is no route `{}` in the files", found.route));
    let route = plan.routes.get(found.route.as_str()).ok_or_else(none)?;
    let limits = Limits { depth: files.settings.depth_max };
    let failed = |error: &dyn std::fmt::Display| CouldNot(error.to_string());
    let stage = Stage::set(limits, files.settings.body_bytes_max).map_err(|it| failed(&it))?;
    stage.play(plan, route, &found.recorded.case()).map_err(|it| failed(&it))
}

/// Which way a message went.
fn gist(seen: &Seen) -> Vec<(String, &'static str)> {
    let messages = seen.messages.iter().map(|it| ("message".to_owned(), it.outcome.word()));
    let deliveries = seen.deliveries.iter().map(|it| (it.target.to_string(), it.outcome.word()));
    messages.chain(deliveries).collect()
}

/// Adds a case at the end of a file of tests; returns what it was before.
fn append(path: &Path, case: &str) -> Result<String, String> {
    let before = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "cases:\n".to_owned(),
        Err(error) => return Err(error.to_string()),
    };
    let mut keys = before.lines().filter(|it| it.starts_with(|it: char| it.is_ascii_alphabetic()));
    if keys.next_back().is_none_or(|it| it.trim_end() != "cases:") {
        return Err("`cases:` must be its last key, for a case to be added at the end".to_owned());
    }
    let between = if before.trim_end() == "cases:" { "" } else { "\n" };
    let text = format!("{}\n{between}{case}", before.trim_end());
    fs::write(path, text).map_err(|error| error.to_string())?;
    Ok(before)
}
