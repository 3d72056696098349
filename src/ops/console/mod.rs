//! What operators see in a browser: pages that the bus renders itself, on the listener of its
//! metrics. Nothing is loaded from another host, and everything works without a script.

mod actions;
mod assets;
mod login;
mod overview;
mod page;
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
    calls::{AUDIT, Call, Needs, SEE, call},
};

/// Every page, and everything that a form of one does: who is let in, and to what.
pub const PAGES: &[Call] = &[
    call(("GET", "/console"), SEE, "How the bus fares", || get(overview::show)),
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
