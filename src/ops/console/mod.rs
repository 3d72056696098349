//! What operators see in a browser: pages that the bus renders itself, on the listener of its
//! metrics. Nothing is loaded from another host, and everything works without a script.

mod act;
mod actions;
mod assets;
mod attention;
mod bodies;
mod body;
mod changes;
mod chart;
mod dead;
mod explain;
mod facts;
mod figures;
mod files;
mod group;
mod jobs;
mod language;
mod letter;
mod live;
mod login;
mod map;
mod message;
mod messages;
mod overview;
mod page;
mod reader;
mod route;
mod routes;
mod state;
mod systems;
mod target;
mod told;
mod visit;

use axum::{
    Router, middleware,
    response::Redirect,
    routing::{get, post},
};

use self::{
    page::{Section, page},
    visit::Visit,
};
use super::{
    Desk, Ops, Refusal,
    calls::{AUDIT, Call, DEAL, FILES, Needs, PAUSE, SEE, call},
    running::NeedView,
};
use crate::{diagnostic::Language, message::Timestamp};

/// What needs somebody, for programs too.
pub(super) async fn needs(
    desk: &Desk,
    now: Timestamp,
    language: Language,
) -> Result<Vec<NeedView>, Refusal> {
    let facts = facts::Facts::gather(desk, now).await?;
    let items = attention::attention(&facts, language).into_iter();
    let view = |it: attention::Item| NeedView {
        level: it.level.class().to_owned(),
        what: it.what.told(language),
        todo: it.todo.told(language),
        link: it.link,
    };
    Ok(items.map(view).collect())
}

/// Every page, and everything that a form of one does: who is let in, and to what.
pub const PAGES: &[Call] = &[
    call(("GET", "/console"), SEE, "How the bus fares", || get(overview::show)),
    call(("GET", "/console/routes"), SEE, "Routes", || get(routes::show)),
    call(("GET", "/console/routes/{route}"), SEE, "One route", || get(route::show)),
    call(("GET", "/console/targets/{target}"), SEE, "One target", || get(target::show)),
    call(("POST", "/console/targets/{target}/pause"), PAUSE, "Pause it", || post(target::pause)),
    call(("POST", "/console/targets/{target}/resume"), PAUSE, "Free it", || post(target::resume)),
    call(("GET", "/console/systems"), SEE, "The directory of systems", || get(systems::list)),
    call(("GET", "/console/systems/{system}"), SEE, "One system", || get(systems::show)),
    call(("GET", "/console/files"), SEE, "The files that run", || get(files::show)),
    call(("GET", "/console/files/{*path}"), SEE, "One of them", || get(files::one)),
    call(("POST", "/console/files/reload"), FILES, "Take those on the disk into use", || {
        post(files::reload)
    }),
    call(("GET", "/console/messages"), SEE, "Finding messages", || get(messages::show)),
    call(("GET", "/console/messages/{id}"), SEE, "The life of a message", || get(message::show)),
    call(("GET", "/console/dead"), SEE, "Dead letters in groups", || get(dead::show)),
    call(("GET", "/console/dead/{id}"), SEE, "One dead letter", || get(letter::show)),
    call(("POST", "/console/dead/{id}"), DEAL, "Replay or discard it", || post(letter::act)),
    call(("GET", "/console/dead/groups/{name}"), SEE, "Letters that failed alike", || {
        get(group::show)
    }),
    call(("POST", "/console/dead/groups/{name}"), DEAL, "Replay or discard them", || {
        post(group::act)
    }),
    call(("GET", "/console/jobs"), SEE, "What is being done with many letters", || get(jobs::list)),
    call(("GET", "/console/jobs/{id}"), SEE, "How far a job has come", || get(jobs::show)),
    call(("POST", "/console/jobs/{id}"), DEAL, "End a job where it is", || post(jobs::cancel)),
    call(("GET", "/console/live/{route}"), SEE, "What happens on a route", || get(live::show)),
    call(("GET", "/console/live/{route}/stream"), SEE, "The same, as it happens", || {
        get(live::follow)
    }),
    call(("GET", "/console/actions"), AUDIT, "Who did and looked at what", || get(actions::show)),
    call(("POST", "/console/logout"), Needs::Name, "Log out", || post(login::leave)),
];

/// The pages, and what leads to them.
pub(super) fn routes(ops: Ops) -> Router {
    let mut pages = Router::new();
    for page in PAGES {
        let admits = visit::Admits { ops: ops.clone(), needs: page.needs };
        let served = (page.serve)().layer(middleware::from_fn_with_state(admits, visit::admit));
        pages = pages.route(page.path, served);
    }
    let ways_in = Router::new()
        .route(login::PATH, get(login::show).post(login::come_in))
        .route("/console/first", get(login::show_first).post(login::make_first));
    Router::new()
        .route("/", get(async || Redirect::to("/console")))
        .route("/favicon.ico", get(assets::icon))
        .route("/console/assets/{name}", get(assets::serve))
        .route("/console/language", get(language::choose))
        .merge(ways_in)
        .merge(pages)
        .with_state(ops)
}
