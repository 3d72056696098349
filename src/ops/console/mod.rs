//! What operators see in a browser: pages that the bus renders itself, on the listener of its
//! metrics. Nothing is loaded from another host, and everything works without a script.

mod act;
mod actions;
mod assets;
mod body;
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
use super::Ops;

/// The pages, and what leads to them.
pub(super) fn routes(ops: Ops) -> Router {
    let pages = Router::new()
        .route("/console", get(overview::show))
        .route("/console/messages", get(messages::show))
        .route("/console/messages/{id}", get(message::show))
        .route("/console/dead", get(dead::show))
        .route("/console/dead/{id}", get(letter::show).post(letter::act))
        .route("/console/dead/groups/{name}", get(group::show).post(group::act))
        .route("/console/jobs", get(jobs::list))
        .route("/console/jobs/{id}", get(jobs::show).post(jobs::cancel))
        .route("/console/live/{route}", get(live::show))
        .route("/console/live/{route}/stream", get(live::follow))
        .route("/console/actions", get(actions::show))
        .route("/console/logout", post(login::leave))
        .layer(middleware::from_fn_with_state(ops.clone(), visit::admit))
        .with_state(ops.clone());
    let ways_in = Router::new()
        .route(login::PATH, get(login::show).post(login::come_in))
        .route("/console/first", get(login::show_first).post(login::make_first))
        .with_state(ops);
    Router::new()
        .route("/", get(async || Redirect::to("/console")))
        .route("/console/assets/{name}", get(assets::serve))
        .merge(ways_in)
        .merge(pages)
}
