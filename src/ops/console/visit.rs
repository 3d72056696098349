//! Who looks at a page, in which language, and that a form came from a page of ours.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};

use super::{Section, figures, login, page};
use crate::{
    diagnostic::{Language, Text, text},
    message::Timestamp,
    ops::{
        BODY_BYTES_MAX, Ops, access::Right, calls::Needs, desk::Desk, query, who, wire::Problem,
    },
};

/// The cookie that says which language he wants.
const LANGUAGE: &str = "simpul_language";

/// The field of a form that no other site can fill in.
const CSRF: &str = "csrf";

/// A visitor of a page.
#[derive(Clone)]
pub(super) struct Visit {
    /// The bus as he may use it.
    pub(super) desk: Desk,
    /// His language.
    pub(super) language: Language,
    /// The page that he looks at, with what stands behind its `?`.
    pub(super) here: String,
    /// What time it is.
    pub(super) now: Timestamp,
    csrf: String,
}

impl Visit {
    /// A text in his language.
    pub(super) fn t(&self, text: &Text) -> String {
        text.told(self.language)
    }

    /// A number, with its thousands apart as he writes it.
    pub(super) fn n(&self, number: u64) -> String {
        figures::number(self.language, number)
    }

    /// A moment as he writes it, in the time zone of this machine: the time alone if it is today.
    pub(super) fn at(&self, at: Timestamp) -> Markup {
        let (short, whole) =
            (figures::short(self.language, at, self.now), figures::moment(self.language, at));
        html! { time datetime=(at) title=(whole) { (short) } }
    }

    /// How long something has lasted.
    pub(super) fn age(&self, age: Duration) -> String {
        self.t(&figures::age(age))
    }

    /// What each form must have inside.
    pub(super) fn csrf_field(&self) -> Markup {
        html! { input type="hidden" name=(CSRF) value=(self.csrf); }
    }

    /// What a script of ours must send as `x-csrf-token` with a call that changes something.
    #[expect(dead_code, reason = "the first script comes with the pages")]
    pub(super) fn csrf(&self) -> &str {
        &self.csrf
    }

    /// The fields of a form, which came from a page of ours: otherwise it is not let in.
    ///
    /// # Errors
    ///
    /// [`Problem`] to be shown where it is no form.
    #[expect(clippy::unused_self, reason = "only who was let in has forms")]
    pub(super) fn form(&self, body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
        fields(body)
    }
}

/// The fields of a form.
///
/// # Errors
///
/// [`Problem`] to be shown where it is none.
pub(super) fn fields(body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    let bad = |_| Problem::new(StatusCode::BAD_REQUEST, "bad_form", "this is no form");
    query::decoded(std::str::from_utf8(body).map_err(bad)?)
}

/// Lets in who is logged in, and only forms of pages of ours; sends others to where they log in.
pub(super) async fn admit(State(admits): State<Admits>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = match let_in(&admits, &mut parts, body).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    next.run(Request::from_parts(parts, body)).await
}

/// Whom a page lets in.
#[derive(Clone)]
pub(super) struct Admits {
    pub(super) ops: Ops,
    pub(super) needs: Needs,
}

async fn let_in(
    Admits { ops, needs }: &Admits,
    parts: &mut Parts,
    body: Body,
) -> Result<Body, Box<Response>> {
    let headers = &parts.headers;
    let refused = |problem: Problem| Box::new(problem.into_response());
    who::count(ops, headers, &parts.extensions).map_err(refused)?;
    let Some(known) = who::of_cookie(ops, headers).await else {
        return Err(Box::new(outside(ops, &parts.method, &parts.uri, headers).await));
    };
    let language = language(headers);
    let desk = ops.desk(known.caller);
    let here = parts.uri.path_and_query().map_or("/console", |it| it.as_str()).to_owned();
    let visit = Visit { desk, language, here, now: ops.clock.now(), csrf: known.csrf };
    if let Some(right) = needs.lacks(visit.desk.caller()) {
        return Err(Box::new(forbidden(&visit, right)));
    }
    let body = match who::changes(&parts.method) {
        false => body,
        true => own_form(headers, body, &visit.csrf).await.map_err(refused)?,
    };
    parts.extensions.insert(visit);
    Ok(body)
}

/// What somebody is shown who is in, and may not see a page: he can go elsewhere, and out.
fn forbidden(visit: &Visit, right: Right) -> Response {
    let help = text!("Who keeps the file of users can give it to you.");
    let body = html! { p { (visit.t(&help)) } };
    let title = text!("For this page you need the right `{}`", &right);
    let mut answer = page(visit, Section::Overview, title, body);
    *answer.status_mut() = StatusCode::FORBIDDEN;
    answer
}

/// A form, if it came from a page of ours.
async fn own_form(headers: &HeaderMap, body: Body, csrf: &str) -> Result<Body, Problem> {
    let title =
        "this does not come from a page of this bus; go back, load the page anew, try again";
    let foreign = || Problem::new(StatusCode::FORBIDDEN, "foreign", title);
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        let title = "this is larger than any form";
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", title)
    })?;
    let fields = fields(&body)?;
    let is_own = fields.iter().any(|(name, value)| name == CSRF && who::same(value, csrf));
    match is_own && !who::is_foreign(headers) {
        true => Ok(Body::from(body)),
        false => Err(foreign()),
    }
}

/// What who is not logged in is answered.
async fn outside(ops: &Ops, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    if text("sec-fetch-dest").is_some_and(|it| it != "document") {
        // A script that fetches a part of a page, and should not show the way in within it.
        return Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "log in first")
            .into_response();
    }
    if ops.door.waits_for_first().await {
        return Redirect::to("/console/first").into_response();
    }
    if *method != Method::GET {
        return Redirect::to(login::PATH).into_response();
    }
    let here = uri.path_and_query().map_or("/console", |it| it.as_str());
    if text("sec-fetch-site") == Some("cross-site") {
        // Followed from another site, a link comes without the cookie; from a page of ours it does not.
        return login::once_more(here, language(headers));
    }
    Redirect::to(&login::leading_to(here)).into_response()
}

/// What he chose, else what his browser prefers.
pub(super) fn language(headers: &HeaderMap) -> Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
    who::cookie(headers, LANGUAGE).or(accepted).map(Language::accepted).unwrap_or_default()
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let visit = parts.extensions.get::<Self>().cloned();
        visit.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "log in first"))
    }
}
