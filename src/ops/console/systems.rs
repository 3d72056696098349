//! The directory of systems, as the law asks a *Sistem Penghubung Layanan* for one: who answers for
//! each, what it sends and takes, which of that is about people, and who gets whose data.

use std::collections::BTreeMap;

use axum::{extract::Path, http::Uri, response::Response};
use maud::{Markup, html};

use super::{
    Section, Visit, page,
    route::in_code,
    state::{State, promise},
};
use crate::{
    diagnostic::{Text, text},
    ops::{Refusal, query},
    route::{Directory, EndEntry, SystemEntry},
};

/// Systems that one page has.
const PAGE: usize = 200;

/// `GET /console/systems?after=…`
pub(super) async fn list(visit: Visit, uri: Uri) -> Result<Response, Refusal> {
    let directory = visit.desk.directory().await?;
    let fields = query::pairs(&uri).unwrap_or_default();
    let after = fields.iter().find(|(name, _)| name == "after").map_or("", |(_, it)| it.as_str());
    let shown: Vec<(&String, &SystemEntry)> = directory
        .systems
        .iter()
        .filter(|(name, _)| after < name.as_str() && visit.desk.sees_any_of(&directory, name))
        .take(PAGE + 1)
        .collect();
    let (here, more) = (shown.get(..PAGE).unwrap_or(&shown), PAGE < shown.len());
    let next =
        here.last().filter(|_| more).map(|(name, _)| format!("/console/systems?after={name}"));
    let body = html! {
        p .lead { (visit.t(&text!("Who sends what to whom, and who answers for it."))) }
        @if here.is_empty() {
            p .sheet { (visit.t(&text!("The files that run name no systems that you may see."))) }
        } @else {
            (table(&visit, &directory, here))
        }
        @if let Some(next) = next { p { a .button .quiet href=(next) { (visit.t(&text!("Next page"))) } } }
    };
    Ok(page(&visit, Section::Systems, text!("Systems"), body))
}

fn table(visit: &Visit, directory: &Directory, systems: &[(&String, &SystemEntry)]) -> Markup {
    let classified = |system: &SystemEntry| system.classification.map(|it| it.to_string());
    html! {
        div .table {
            table {
                thead {
                    tr {
                        th scope="col" { (visit.t(&text!("System"))) }
                        th scope="col" { (visit.t(&text!("Answers for it"))) }
                        th scope="col" { (visit.t(&text!("May hold"))) }
                        th scope="col" .wide { (visit.t(&text!("Sends"))) }
                        th scope="col" .wide { (visit.t(&text!("Takes"))) }
                        th scope="col" { (visit.t(&text!("About people"))) }
                    }
                }
                tbody {
                    @for (name, system) in systems {
                        @let personal = personal(directory, system);
                        tr {
                            th scope="row" {
                                a href={ "/console/systems/" (name) } { (called(name, system)) }
                                @if !system.title.is_empty() { br; span .soft .code { (name) } }
                            }
                            td { (system.unit) @if !system.contact.is_empty() { br; span .soft { (system.contact) } } }
                            td { (classified(system).unwrap_or_else(|| "–".to_owned())) }
                            td .wide { (names(system.sources.keys())) }
                            td .wide { (names(system.targets.keys())) }
                            td {
                                @if personal == 0 { "–" }
                                @else { (visit.t(&text!("{} fields", &visit.n(personal as u64)))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What people call a system, or else its name.
fn called<'n>(name: &'n str, system: &'n SystemEntry) -> &'n str {
    if system.title.is_empty() { name } else { &system.title }
}

fn names<'n>(names: impl Iterator<Item = &'n String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Fields about people that a system sends or takes.
fn personal(directory: &Directory, system: &SystemEntry) -> usize {
    let ends = system.sources.values().chain(system.targets.values());
    let fields = ends.filter_map(|it| directory.fields(it));
    fields.map(|it| it.fields.iter().filter(|it| it.is_personal).count()).sum()
}

/// `GET /console/systems/{system}`
pub(super) async fn show(visit: Visit, Path(name): Path<String>) -> Result<Response, Refusal> {
    let directory = visit.desk.directory().await?;
    let system = directory.systems.get(&name).filter(|_| visit.desk.sees_any_of(&directory, &name));
    let Some(system) = system else {
        return Err(Refusal::NotFound(format!("there is no system `{}`", name.escape_debug())));
    };
    let status = visit.desk.status().await?;
    let wiring = visit.desk.wiring();
    let fares = status.iter().flat_map(|route| {
        let wiring = &wiring;
        route.targets.iter().map(move |it| {
            (it.target.to_string(), State::of_target(it, promise(wiring, &route.route, it)))
        })
    });
    let mut states: BTreeMap<String, State> = BTreeMap::new();
    for (target, state) in fares {
        let worst = states.entry(target).or_insert_with(|| state.clone());
        if worst.level < state.level {
            *worst = state;
        }
    }
    let fact = |what: Text, said: &str| {
        html! {
            @if !said.is_empty() { dt { (visit.t(&what)) } dd { (said) } }
        }
    };
    let class = system.classification.map(|it| it.to_string()).unwrap_or_default();
    let body = html! {
        p .crumbs { a href="/console/systems" { (visit.t(&text!("Systems"))) } }
        dl .facts {
            (fact(text!("Name in files"), &name))
            (fact(text!("Answers for it"), &system.unit))
            (fact(text!("To be reached at"), &system.contact))
            (fact(text!("May hold data up to"), &class))
        }
        p { a .button .quiet href={ "/console/files/connectors/" (name) ".yaml" } { (visit.t(&text!("Its file"))) } }
        h2 { (visit.t(&text!("What it sends"))) }
        @if system.sources.is_empty() { p .sheet .soft { (visit.t(&text!("Nothing."))) } }
        @for (source, end) in &system.sources {
            (sends(&visit, &directory, &format!("{name}.{source}"), end))
        }
        h2 { (visit.t(&text!("What it takes"))) }
        @if system.targets.is_empty() { p .sheet .soft { (visit.t(&text!("Nothing."))) } }
        @for (target, end) in &system.targets {
            @let whole = format!("{name}.{target}");
            (takes(&visit, &directory, (&whole, states.get(&whole)), end))
        }
    };
    let called = called(&name, system).to_owned();
    Ok(page(&visit, Section::Systems, text!("System {}", &called), body))
}

/// A source, and who gets what comes from it.
fn sends(visit: &Visit, directory: &Directory, name: &str, end: &EndEntry) -> Markup {
    let readers = directory
        .routes
        .iter()
        .filter(|(route, it)| it.from == name && visit.desk.sees_route(route));
    let readers: Vec<_> = readers.collect();
    html! {
        section .sheet {
            h3 { (name) }
            p { (in_code(&visit.t(&end.how))) }
            @if readers.is_empty() { p .soft { (visit.t(&text!("No route reads it."))) } }
            ul {
                @for (route, entry) in readers {
                    li {
                        a href={ "/console/routes/" (route) } { (route) } " → "
                        @for (index, to) in entry.to.iter().enumerate() {
                            @if index != 0 { ", " }
                            a href={ "/console/targets/" (to.target) } { (to.target) }
                            @if !to.takes_out.is_empty() {
                                " " span .soft { (visit.t(&text!("without {}", &to.takes_out.join(", ")))) }
                            }
                        }
                    }
                }
            }
            (fields(visit, directory, end))
        }
    }
}

/// A target, and from where things get to it.
fn takes(
    visit: &Visit,
    directory: &Directory,
    (name, state): (&str, Option<&State>),
    end: &EndEntry,
) -> Markup {
    let senders = directory.routes.iter().filter(|(route, it)| {
        it.to.iter().any(|to| to.target == name) && visit.desk.sees_route(route)
    });
    let senders: Vec<_> = senders.collect();
    html! {
        section .sheet {
            h3 {
                @match state {
                    Some(state) => { a href={ "/console/targets/" (name) } { (name) } " " (state.sign(visit)) },
                    // No route goes there, so that there is nothing to tell.
                    None => (name),
                }
            }
            p { (in_code(&visit.t(&end.how))) }
            @if senders.is_empty() { p .soft { (visit.t(&text!("No route goes there."))) } }
            ul {
                @for (route, entry) in senders {
                    li { (entry.from) " → " a href={ "/console/routes/" (route) } { (route) } }
                }
            }
            (fields(visit, directory, end))
        }
    }
}

/// The fields of a source or target, where a schema tells them.
fn fields(visit: &Visit, directory: &Directory, end: &EndEntry) -> Markup {
    let class = end.classification.map(|it| it.to_string());
    let Some(schema) = directory.fields(end) else {
        return html! {
            p .soft {
                (visit.t(&text!("No schema tells its fields.")))
                @if let Some(class) = class { " " (visit.t(&text!("Data up to {}.", &class))) }
            }
        };
    };
    let personal = schema.fields.iter().filter(|it| it.is_personal).count();
    html! {
        p {
            @if !schema.title.is_empty() { (schema.title) ". " }
            @if let Some(class) = class { (visit.t(&text!("Data up to {}.", &class))) " " }
            @if personal != 0 { strong { (visit.t(&text!("{} fields about people.", &visit.n(personal as u64)))) } }
        }
        @if !schema.description.is_empty() { p .soft { (schema.description) } }
        details {
            summary { (visit.t(&text!("Its {} fields", &visit.n(schema.fields.len() as u64)))) }
            div .table {
                table {
                    thead {
                        tr {
                            th scope="col" { (visit.t(&text!("Field"))) }
                            th scope="col" { (visit.t(&text!("Kind"))) }
                            th scope="col" { (visit.t(&text!("Required"))) }
                            th scope="col" { (visit.t(&text!("About a person"))) }
                            th scope="col" .wide { (visit.t(&text!("What it is"))) }
                        }
                    }
                    tbody {
                        @for field in &schema.fields {
                            tr {
                                th scope="row" .code { (field.path) }
                                td { (field.kind) }
                                td { @if field.is_required { (visit.t(&text!("yes"))) } @else { "–" } }
                                td { @if field.is_personal { strong { (visit.t(&text!("yes"))) } } @else { "–" } }
                                td .wide { (field.description) }
                            }
                        }
                    }
                }
            }
        }
    }
}
