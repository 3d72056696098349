//! The files that run, how they differ from those before, and from those on the disk, which can be
//! taken into use from here.

use axum::{
    body::Bytes,
    extract::Path,
    http::Uri,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};

use super::{
    Section, Visit, changes,
    changes::{Change, Side},
    page,
    reader::moment,
};
use crate::{
    diagnostic::{Text, text},
    engine::{Comparison, Difference},
    ledger::FileSet,
    message::Digest,
    ops::{
        Candidate, Refusal,
        access::{Of, Right},
        query,
    },
};

/// `GET /console/files?disk=1`, `?set=…`
pub(super) async fn show(visit: Visit, uri: Uri) -> Result<Response, Refusal> {
    let fields = query::pairs(&uri).unwrap_or_default();
    let of =
        |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, it)| it.as_str());
    let sets = visit.desk.file_sets().await?;
    let running = visit.desk.look().generation;
    let current = sets.iter().find(|it| it.number <= running && running <= it.last);
    let wanted: Option<i64> = of("set").and_then(|it| it.parse().ok());
    let shown = match wanted {
        Some(number) => sets.iter().find(|it| it.number == number),
        None => current.or(sets.first()),
    };
    let disk = of("disk").is_some();
    let may_change = visit.desk.caller().may(Right::ChangeFiles, &Of::default());
    let body = html! {
        @if let Some(taken) = of("taken") {
            p .told .ok role="status" { (visit.t(&text!("Taken into use: generation {} runs now.", taken))) }
        }
        @if disk { (on_disk(&visit, current).await?) }
        @else if may_change {
            p {
                a .button href="/console/files?disk=1" { (visit.t(&text!("Compare with the files on the disk"))) }
            }
        }
        @match shown {
            None => p .sheet .soft { (visit.t(&text!("Nothing is kept of the files that run."))) },
            Some(set) if !disk => (kept(&visit, &sets, set, current).await?),
            Some(_) => {}
        }
        (history(&visit, &sets, shown, current))
    };
    Ok(page(&visit, Section::Files, text!("Files"), body))
}

/// A set that ran, and how it differs from the one before.
async fn kept(
    visit: &Visit,
    sets: &[FileSet],
    set: &FileSet,
    current: Option<&FileSet>,
) -> Result<Markup, Refusal> {
    let files = visit.desk.files_of(set.number).await?;
    let older = sets.iter().filter(|it| it.last < set.number && it.digest != set.digest);
    let before = older.max_by_key(|it| it.last);
    let changed = match before {
        Some(before) => {
            let before = visit.desk.files_of(before.number).await?;
            changes::between(
                &before,
                files.iter().map(|it| (it.path.clone(), Side::Kept(it.digest))),
            )
        }
        None => Vec::new(),
    };
    let is_current = current.is_some_and(|it| it.number == set.number);
    Ok(html! {
        p {
            @if is_current {
                (visit.t(&text!("Generation {} runs, since", &visit.desk.look().generation)))
            } @else {
                (visit.t(&text!("Generation {} ran, from", &set.number)))
            }
            " " (moment(visit, set.at)) ": " (visit.t(&text!("{} files.", &visit.n(files.len() as u64))))
        }
        h2 {
            @match before {
                Some(before) => (visit.t(&text!("What changed since generation {}", &before.last))),
                None => (visit.t(&text!("Nothing ran before that is still kept"))),
            }
        }
        @if before.is_some() { (changes::show(visit, &changed).await?) }
        details {
            summary { (visit.t(&text!("All files"))) }
            ul {
                @for file in &files {
                    li {
                        a href={ "/console/files/" (file.path) "?set=" (set.number) } { (file.path) }
                        " " span .soft { (super::figures::size(visit.language, file.bytes)) }
                    }
                }
            }
        }
    })
}

/// The files on the disk, and what taking them into use would do.
async fn on_disk(visit: &Visit, current: Option<&FileSet>) -> Result<Markup, Refusal> {
    let candidate = match visit.desk.candidate(visit.language).await {
        Ok(candidate) => candidate,
        Err(Refusal::Files(mistakes)) => {
            return Ok(html! {
                h2 { (visit.t(&text!("The files on the disk have mistakes"))) }
                p .told .bad {
                    (visit.t(&text!("They cannot be taken into use, and simpul would not start \
                     with them. What runs is not touched.")))
                }
                pre tabindex="0" { (mistakes) }
                p { a .button .quiet href="/console/files?disk=1" { (visit.t(&text!("Read them again"))) } }
            });
        }
        Err(refusal) => return Err(refusal),
    };
    let before = match current {
        Some(set) => visit.desk.files_of(set.number).await?,
        None => Vec::new(),
    };
    let after = candidate.files.iter().map(|it| (it.path.clone(), Side::Disk(it.clone())));
    let changed = changes::between(&before, after);
    Ok(html! {
        h2 { (visit.t(&text!("The files on the disk"))) }
        @if changed.is_empty() && is_nothing(&candidate.comparison) {
            p .told .ok {
                (visit.t(&text!("They are those that run."))) " "
                a href="/console/files" { (visit.t(&text!("Back to the files that run"))) }
            }
        } @else {
            (would(visit, &candidate))
            (take(visit, &candidate, &changed))
            (changes::show(visit, &changed).await?)
        }
    })
}

fn is_nothing(comparison: &Comparison) -> bool {
    let Comparison { routes, sources, targets, frees, .. } = comparison;
    let all = [routes, sources, targets];
    frees.is_empty()
        && all
            .iter()
            .all(|it| it.added.is_empty() && it.changed.is_empty() && it.removed.is_empty())
}

/// What taking them into use would do, in sentences.
fn would(visit: &Visit, candidate: &Candidate) -> Markup {
    let Comparison { routes, sources, targets, frees, .. } = &candidate.comparison;
    let line = |what: Text, names: &[String]| {
        html! {
            @if !names.is_empty() { li { (visit.t(&what)) " " strong { (names.join(", ")) } } }
        }
    };
    let of = |it: &Difference, added: Text, changed: Text, removed: Text| {
        html! {
            (line(added, &it.added)) (line(changed, &it.changed)) (line(removed, &it.removed))
        }
    };
    html! {
        ul .sheet .plan {
            (of(routes, text!("New routes:"), text!("Routes that finish what they hold and start anew:"), text!("Routes that go; what still waits on them stays:")))
            (of(sources, text!("New sources:"), text!("Sources that are others:"), text!("Sources that go:")))
            (of(targets, text!("New targets:"), text!("Targets with another address, password \
             or schema:"), text!("Targets that go:")))
            (line(text!("Paused targets that are freed by it:"), frees))
            @if is_nothing(&candidate.comparison) {
                li { (visit.t(&text!("No route, source or target becomes another one."))) }
            }
        }
        @if !candidate.warnings.is_empty() {
            details {
                summary { (visit.t(&text!("Warnings about these files"))) }
                pre tabindex="0" { (candidate.warnings) }
            }
        }
    }
}

/// The form that takes them into use, as they were seen.
fn take(visit: &Visit, candidate: &Candidate, changed: &[Change]) -> Markup {
    html! {
        form .box method="post" action="/console/files/reload" {
            (visit.csrf_field())
            input type="hidden" name="seen" value=(candidate.digest());
            p {
                (visit.t(&text!("{} files differ. Messages go on; each is dealt with by one \
                 generation of files.", &visit.n(changed.len() as u64))))
            }
            button { (visit.t(&text!("Take them into use"))) } " "
            a .button .quiet href="/console/files" { (visit.t(&text!("Leave it"))) }
        }
    }
}

fn history(
    visit: &Visit,
    sets: &[FileSet],
    shown: Option<&FileSet>,
    current: Option<&FileSet>,
) -> Markup {
    html! {
        @if 1 < sets.len() {
            h2 { (visit.t(&text!("What ran before"))) }
            ul {
                @for set in sets {
                    @let here = shown.is_some_and(|it| it.number == set.number);
                    li {
                        a href={ "/console/files?set=" (set.number) } aria-current=[here.then_some("true")] {
                            @if set.number == set.last {
                                (visit.t(&text!("Generation {}", &set.number)))
                            } @else {
                                (visit.t(&text!("Generations {} to {}", &set.number, &set.last)))
                            }
                        }
                        " " span .soft { (moment(visit, set.at)) }
                        @if current.is_some_and(|it| it.number == set.number) { " " strong { (visit.t(&text!("runs"))) } }
                    }
                }
            }
        }
    }
}

/// `GET /console/files/{*path}?set=…`: one file as it ran.
pub(super) async fn one(
    visit: Visit,
    Path(path): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let fields = query::pairs(&uri).unwrap_or_default();
    let wanted = fields.iter().find(|(name, _)| name == "set").and_then(|(_, it)| it.parse().ok());
    let sets = visit.desk.file_sets().await?;
    let running = visit.desk.look().generation;
    let number = wanted.unwrap_or(running);
    let set = sets.iter().find(|it| it.number <= number && number <= it.last);
    let gone = || Refusal::NotFound(format!("there is no file `{}` in it", path.escape_debug()));
    let set = set.ok_or_else(gone)?;
    let files = visit.desk.files_of(set.number).await?;
    let file = files.iter().find(|it| it.path == path).ok_or_else(gone)?;
    let text = visit.desk.file_text(file.digest).await?;
    let body = html! {
        p .crumbs { a href="/console/files" { (visit.t(&text!("Files"))) } }
        p .soft { (visit.t(&text!("As generation {} has it.", &number))) }
        @match text {
            Some(text) => pre tabindex="0" { (text) },
            None => p .sheet { (visit.t(&text!("It is too large to be kept: {}.", &super::figures::size(visit.language, file.bytes)))) },
        }
    };
    Ok(page(&visit, Section::Files, text!("File {}", &path), body))
}

/// `POST /console/files/reload`
pub(super) async fn reload(visit: Visit, body: Bytes) -> Result<Response, Response> {
    let fields = visit.form(&body).map_err(IntoResponse::into_response)?;
    let seen = fields.iter().find(|(name, _)| name == "seen");
    let seen = seen.and_then(|(_, it)| it.parse::<Digest>().ok());
    let refused = || {
        Refusal::Changed(
            "the form does not say which files you have seen; compare them again".to_owned(),
        )
    };
    let seen = seen.ok_or_else(|| refused().into_response())?;
    let (reloaded, _) =
        visit.desk.reload_seen(visit.language, seen).await.map_err(IntoResponse::into_response)?;
    Ok(Redirect::to(&format!("/console/files?taken={}", reloaded.generation)).into_response())
}
