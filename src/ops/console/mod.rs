//! What operators see in a browser: pages that the bus renders itself, on the listener of its
//! metrics. Nothing is loaded from another host, and everything works without a script.

mod assets;
mod overview;
mod page;
mod visit;

use axum::{Router, middleware, response::Redirect, routing::get};

use self::{
    page::{Section, page},
    visit::Visit,
};
use super::Ops;

/// The pages, and what leads to them.
pub(super) fn routes(ops: Ops) -> Router {
    let pages = Router::new()
        .route("/console", get(overview::show))
        .layer(middleware::from_fn_with_state(ops.clone(), visit::admit))
        .with_state(ops);
    Router::new()
        .route("/", get(async || Redirect::to("/console")))
        .route("/console/assets/{name}", get(assets::serve))
        .merge(pages)
}
