//! What pages are dressed with: files that are part of the program.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// Every file: its name, its type, and what is in it.
const ASSETS: &[(&str, &str, &str)] = &[
    ("console.css", "text/css; charset=utf-8", include_str!("assets/console.css")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
    ("messages.css", "text/css; charset=utf-8", include_str!("assets/messages.css")),
    ("live.js", "text/javascript; charset=utf-8", include_str!("assets/live.js")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
    ("console.js", "text/javascript; charset=utf-8", include_str!("assets/console.js")),
];

/// `GET /console/assets/{name}`
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let Some((_, kind, text)) = ASSETS.iter().find(|(known, ..)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, *kind),
        // Another program has other files; within one they do not change.
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, *text).into_response()
}

/// `GET /favicon.ico`, which browsers ask for by themselves.
pub(super) async fn icon() -> Response {
    serve(Path("icon.svg".to_owned())).await
}
