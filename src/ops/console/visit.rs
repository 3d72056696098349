//! Who looks at a page, in which language, and that a form came from a page of ours.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

use crate::{
    diagnostic::{Language, Text},
    ops::{Ops, access::Caller, desk::Desk, query, wire::Problem},
};

/// The cookie that says who somebody is.
const SESSION: &str = "simpul_session";

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
    csrf: String,
}

impl Visit {
    /// A text in his language.
    pub(super) fn t(&self, text: &Text) -> String {
        text.told(self.language)
    }

    /// What each form must have inside.
    #[expect(dead_code, reason = "the first form comes with the pages")]
    pub(super) fn csrf_field(&self) -> Markup {
        html! { input type="hidden" name=(CSRF) value=(self.csrf); }
    }

    /// The fields of a form, if it came from a page of ours.
    ///
    /// # Errors
    ///
    /// [`Problem`] to be shown when it did not, or is no form.
    #[expect(dead_code, reason = "the first form comes with the pages")]
    pub(super) fn form(&self, body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
        let bad = || Problem::new(StatusCode::BAD_REQUEST, "bad_form", "this is no form of ours");
        let text = std::str::from_utf8(body).map_err(|_| bad())?;
        let fields = query::decoded(text)?;
        let own = fields.iter().any(|(name, value)| name == CSRF && *value == self.csrf);
        if own { Ok(fields) } else { Err(bad()) }
    }
}

/// Lets in who has the token. (To be sessions.)
pub(super) async fn admit(State(ops): State<Ops>, mut request: Request, next: Next) -> Response {
    let token = cookie(request.headers(), SESSION);
    if !token.is_some_and(|it| ops.token.opens(&format!("Bearer {it}"))) {
        return Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "log in first")
            .into_response();
    }
    let language = language(request.headers());
    let desk = Desk::new(ops.bus, Caller::local());
    request.extensions_mut().insert(Visit { desk, language, csrf: "csrf".to_owned() });
    next.run(request).await
}

/// What he chose, else what his browser prefers.
fn language(headers: &HeaderMap) -> Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
    cookie(headers, LANGUAGE).or(accepted).map(Language::accepted).unwrap_or_default()
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut pairs = all.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
    pairs.find_map(|(known, value)| (known == name).then_some(value))
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let visit = parts.extensions.get::<Self>().cloned();
        visit.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "log in first"))
    }
}
