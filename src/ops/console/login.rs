//! The way in and out: with a name and a password, and at the very first with the token that was
//! printed once.

use axum::{
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    Visit,
    page::answer,
    visit::{self, fields},
};
use crate::{
    diagnostic::{Language, Text, text},
    ops::{
        BODY_BYTES_MAX, Ops,
        access::{Bears, Outside, password},
        door, query, who,
        wire::Problem,
    },
};

/// Where one logs in.
pub(super) const PATH: &str = "/console/login";

/// What stays as it is in the address of the page that one wanted.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'/');

/// The page on which one logs in, and that leads on to another.
pub(super) fn leading_to(path: &str) -> String {
    format!("{PATH}?next={}", utf8_percent_encode(path, PLAIN))
}

/// A page that loads another one, as a page of ours.
pub(super) fn once_more(path: &str, language: Language) -> Response {
    let body = html! { p { a href=(path) { (text!("Go on").told(language)) } } };
    let again = html! { meta http-equiv="refresh" content={ "0; url=" (path) }; };
    answer(StatusCode::OK, frame(language, &text!("Go on"), &body, &again))
}

/// `GET /console/login?next=…`
pub(super) async fn show(State(ops): State<Ops>, headers: HeaderMap, uri: Uri) -> Response {
    if ops.door.waits_for_first().await {
        return Redirect::to("/console/first").into_response();
    }
    let next = next_of(&query::pairs(&uri).unwrap_or_default());
    form(visit::language(&headers), StatusCode::OK, None, &next)
}

/// `POST /console/login`
pub(super) async fn come_in(State(ops): State<Ops>, request: Request) -> Result<Response, Problem> {
    let sent = Sent::read(&ops, request).await?;
    let next = next_of(&sent.fields);
    let (login, password) = (sent.field("user"), sent.field("password").to_owned());
    match door::come_in(&ops, (login, password), &sent.from, Bears::Cookie).await {
        Ok(inside) => Ok(inside_with(&inside.token, &sent.headers, &next)),
        Err(outside) => {
            Ok(form(visit::language(&sent.headers), status(&outside), Some(&told(&outside)), &next))
        }
    }
}

/// `POST /console/logout`
pub(super) async fn leave(State(ops): State<Ops>, visit: Visit, headers: HeaderMap) -> Response {
    if let Some(token) = who::cookie(&headers, who::SESSION) {
        ops.door.leave(token);
    }
    door::left(&ops, visit.desk.caller()).await;
    let mut answer = Redirect::to(PATH).into_response();
    set_cookie(&mut answer, &cookie("", &headers, "; Max-Age=0"));
    answer
}

/// What the menu has for who is in: who he is, and the way out.
pub(super) fn way_out(visit: &Visit) -> Markup {
    html! {
        form .out method="post" action="/console/logout" {
            (visit.csrf_field())
            span { (visit.desk.caller().shown()) }
            " "
            button { (visit.t(&text!("Log out"))) }
        }
    }
}

/// `GET /console/first`
pub(super) async fn show_first(State(ops): State<Ops>, headers: HeaderMap) -> Response {
    if !ops.door.waits_for_first().await {
        return Redirect::to(PATH).into_response();
    }
    form_first(visit::language(&headers), StatusCode::OK, None)
}

/// `POST /console/first`
pub(super) async fn make_first(
    State(ops): State<Ops>,
    request: Request,
) -> Result<Response, Problem> {
    let sent = Sent::read(&ops, request).await?;
    let language = visit::language(&sent.headers);
    if sent.field("password") != sent.field("again") {
        let differ = text!("the two passwords differ");
        return Ok(form_first(language, StatusCode::BAD_REQUEST, Some(&differ)));
    }
    let (login, password) = (sent.field("user"), sent.field("password").to_owned());
    let made = door::make_first(&ops, sent.field("token"), (login, password), &sent.from).await;
    Ok(match made {
        Ok(inside) => inside_with(&inside.token, &sent.headers, "/console"),
        Err(outside) => form_first(language, status(&outside), Some(&told(&outside))),
    })
}

/// A form of somebody who is not in.
struct Sent {
    from: door::From,
    headers: HeaderMap,
    fields: Vec<(String, String)>,
}

impl Sent {
    async fn read(ops: &Ops, request: Request) -> Result<Self, Problem> {
        let from = door::From::of(&request);
        let (parts, body) = request.into_parts();
        let headers = parts.headers;
        who::count(ops, &headers, &parts.extensions)?;
        if who::is_foreign(&headers) {
            let title = "this does not come from a page of this bus";
            return Err(Problem::new(StatusCode::FORBIDDEN, "foreign", title));
        }
        let body: Bytes = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
            let title = "this is larger than any form";
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", title)
        })?;
        let fields = fields(&body)?;
        Ok(Self { from, headers, fields })
    }

    fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// The page that somebody wanted before he had to log in: one of ours, or the first.
fn next_of(fields: &[(String, String)]) -> String {
    let next = fields.iter().find(|(name, _)| name == "next").map(|(_, value)| value.as_str());
    let ours = |it: &&str| {
        (*it == "/console" || it.starts_with("/console/") || it.starts_with("/console?"))
            && it.chars().all(|letter| letter.is_ascii_graphic() && letter != '\\')
    };
    next.filter(ours).unwrap_or("/console").to_owned()
}

fn inside_with(token: &str, headers: &HeaderMap, next: &str) -> Response {
    let mut answer = Redirect::to(next).into_response();
    set_cookie(&mut answer, &cookie(token, headers, ""));
    answer
}

/// The cookie of a session: only with calls of this host, never shown to a script; and but for a bus on
/// the same machine never over a line that is not encrypted.
fn cookie(token: &str, headers: &HeaderMap, more: &str) -> String {
    let secure = if is_here(headers) { "" } else { "; Secure" };
    format!("{}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{more}", who::SESSION)
}

/// Whether the browser called this machine by a name of its own.
fn is_here(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

fn set_cookie(answer: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

fn status(outside: &Outside) -> StatusCode {
    match outside {
        Outside::Wrong => StatusCode::UNAUTHORIZED,
        Outside::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
        Outside::Refused(_) => StatusCode::BAD_REQUEST,
        Outside::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Why somebody is not in, in words.
fn told(outside: &Outside) -> Text {
    match outside {
        Outside::Wrong => text!("The name or the password is wrong."),
        Outside::TooOften(wait) => {
            text!("Too many attempts: try again in {} s.", &wait.as_secs().max(1))
        }
        Outside::Refused(refused) => refused.clone(),
        Outside::Unavailable(reason) => text!("Not now: {}", reason),
    }
}

fn form(language: Language, status: StatusCode, wrong: Option<&Text>, next: &str) -> Response {
    let t = |text: Text| text.told(language);
    let body = html! {
        (complaint(wrong, language))
        form .way-in method="post" action=(PATH) {
            input type="hidden" name="next" value=(next);
            label for="user" { (t(text!("Name"))) }
            input #user name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus;
            label for="password" { (t(text!("Password"))) }
            input #password name="password" type="password" autocomplete="current-password" required;
            button { (t(text!("Log in"))) }
        }
    };
    answer(status, frame(language, &text!("Log in"), &body, &html! {}))
}

fn form_first(language: Language, status: StatusCode, wrong: Option<&Text>) -> Response {
    let t = |text: Text| text.told(language);
    let body = html! {
        (complaint(wrong, language))
        p { (t(text!("Nobody can log in to this bus yet. When it started it printed a token, which is valid for an hour: with it you become its first user, who may do everything."))) }
        form .way-in method="post" action="/console/first" {
            label for="token" { (t(text!("The token that was printed"))) }
            input #token name="token" autocomplete="off" spellcheck="false" required autofocus;
            label for="user" { (t(text!("Name"))) }
            input #user name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required aria-describedby="user-rule";
            p #user-rule .rule { (t(text!("Small letters, digits, `.`, `-` and `_`."))) }
            label for="password" { (t(text!("Password"))) }
            input #password name="password" type="password" autocomplete="new-password" minlength=(password::CHARS_MIN) required aria-describedby="password-rule";
            p #password-rule .rule { (t(text!("{} characters or more.", &password::CHARS_MIN))) }
            label for="again" { (t(text!("The password once more"))) }
            input #again name="again" type="password" autocomplete="new-password" required;
            button { (t(text!("Become the first user"))) }
        }
    };
    answer(status, frame(language, &text!("The first user"), &body, &html! {}))
}

fn complaint(wrong: Option<&Text>, language: Language) -> Markup {
    html! {
        @if let Some(wrong) = wrong {
            p .wrong role="alert" { (wrong.told(language)) }
        }
    }
}

/// A page for who is not in: without a menu.
fn frame(language: Language, title: &Text, body: &Markup, head: &Markup) -> Markup {
    let title = title.told(language);
    html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · simpul" }
                link rel="stylesheet" href="/console/assets/console.css";
                (PreEscaped(&head.0))
            }
            body {
                main .outside #content { h1 { (title) } (body) }
            }
        }
    }
}
