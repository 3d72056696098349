//! The language of the pages, as somebody chose it.

use axum::{
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use crate::ops::query;

/// For how long a choice is remembered, in seconds: a year.
const REMEMBERED_SECONDS: u32 = 365 * 24 * 3_600;

/// `GET /console/language?to=id&back=/console`: changes nothing but how pages are told.
pub(super) async fn choose(uri: Uri) -> Response {
    let fields = query::pairs(&uri).unwrap_or_default();
    let of =
        |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, it)| it.as_str());
    let to = match of("to") {
        Some("id") => "id",
        _ => "en",
    };
    // Only to pages of ours: a link to elsewhere could look like one of them.
    let back = of("back").filter(|it| {
        *it == "/console" || it.starts_with("/console/") || it.starts_with("/console?")
    });
    let back = back.and_then(|it| HeaderValue::from_str(it).ok());
    let back = back.unwrap_or(HeaderValue::from_static("/console"));
    let cookie = format!(
        "simpul_language={to}; Path=/console; Max-Age={REMEMBERED_SECONDS}; HttpOnly; \
         SameSite=Strict"
    );
    let mut answer = (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie)]).into_response();
    answer.headers_mut().insert(header::LOCATION, back);
    answer
}
