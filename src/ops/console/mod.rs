//! What operators see in a browser: pages that the bus renders itself, on the listener of its
//! metrics. Nothing is loaded from another host, and everything works without a script.

mod act;
mod assets;
mod attention;
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
use super::Ops;

/// The pages, and what leads to them.
pub(super) fn routes(ops: Ops) -> Router {
    let pages = Router::new()
        .route("/console", get(overview::show))
        .route("/console/routes", get(routes::show))
        .route("/console/routes/{route}", get(route::show))
        .route("/console/targets/{target}", get(target::show))
        .route("/console/targets/{target}/pause", post(target::pause))
        .route("/console/targets/{target}/resume", post(target::resume))
        .route("/console/systems", get(systems::list))
        .route("/console/systems/{system}", get(systems::show))
        .route("/console/files", get(files::show))
        .route("/console/files/reload", post(files::reload))
        .route("/console/files/{*path}", get(files::one))
        .route("/console/messages", get(messages::show))
        .route("/console/messages/{id}", get(message::show))
        .route("/console/dead", get(dead::show))
        .route("/console/dead/{id}", get(letter::show).post(letter::act))
        .route("/console/dead/groups/{name}", get(group::show).post(group::act))
        .route("/console/jobs", get(jobs::list))
        .route("/console/jobs/{id}", get(jobs::show).post(jobs::cancel))
        .route("/console/live/{route}", get(live::show))
        .route("/console/live/{route}/stream", get(live::follow))
        .layer(middleware::from_fn_with_state(ops.clone(), visit::admit))
        .with_state(ops);
    Router::new()
        .route("/", get(async || Redirect::to("/console")))
        .route("/console/assets/{name}", get(assets::serve))
        .route("/console/language", get(language::choose))
        .merge(pages)
}
