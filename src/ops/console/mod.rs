//! What operators see in a browser: pages that the bus renders itself, on the listener of its
//! metrics. Nothing is loaded from another host, and everything works without a script.

mod act;
mod actions;
mod assets;
mod body;
mod changes;
mod dead;
mod explain;
mod group;
mod jobs;
mod letter;
mod live;
mod login;
mod message;
mod messages;
mod overview;
mod page;
mod reader;
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
    Ops,
    calls::{AUDIT, Call, DEAL, Needs, SEE, call},
};

/// Every page, and everything that a form of one does: who is let in, and to what.
pub const PAGES: &[Call] = &[
    call(("GET", "/console"), SEE, "How the bus fares", || get(overview::show)),
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
        .route("/console/assets/{name}", get(assets::serve))
        .merge(ways_in)
        .merge(pages)
        .with_state(ops)
}
