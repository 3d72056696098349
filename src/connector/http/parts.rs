//! The parts of a call that a target's author wrote: method, path, headers, body.

use std::collections::BTreeMap;

use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::{
    super::{AnswerClass, Parameter},
    path,
    spec::{BodyKind, HttpTargetSpec},
    target::Part,
};
use crate::{
    diagnostic::{Code, Entries, Located, Report, Span, text},
    expr::Template,
};

/// Headers that simpul or the protocol sets; prefixes of them are in [`RESERVED_PREFIXES`].
const RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "idempotency-key",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const RESERVED_PREFIXES: &[&str] = &["simpul-", "proxy-"];

/// A header as its author wrote it: name and template are right.
pub(super) struct Header<'a> {
    pub(super) name: HeaderName,
    pub(super) text: &'a str,
}

/// What a target's own part of the file yields.
pub(super) struct Parts {
    pub(super) method: Method,
    pub(super) path: Part,
    pub(super) query: Option<Part>,
    pub(super) ends_with_slash: bool,
    pub(super) headers: HeaderMap,
    pub(super) headers_of_call: Vec<(HeaderName, usize)>,
    pub(super) body: BodyKind,
    pub(super) answers: BTreeMap<u16, AnswerClass>,
    /// What is to be evaluated for each call, in the order of the indices above.
    pub(super) parameters: Vec<Parameter>,
}

impl HttpTargetSpec {
    /// The methods that are written down, with their paths; there should be one.
    pub(super) fn methods(&self) -> impl Iterator<Item = (Method, &Located<String>)> {
        let all = [
            (Method::GET, &self.get),
            (Method::POST, &self.post),
            (Method::PUT, &self.put),
            (Method::PATCH, &self.patch),
            (Method::DELETE, &self.delete),
        ];
        all.into_iter().filter_map(|(method, path)| Some((method, path.as_ref()?)))
    }

    /// Compiles the part, with the system's `headers` behind its own. `at`: the target's name.
    pub(super) fn compile(
        &self,
        at: Span,
        headers: &[Header<'_>],
        report: &mut Report,
    ) -> Option<Parts> {
        let call = self.method_and_path(at, report);
        let own = check_headers(&self.headers, report);
        let answers = self.answers(report);
        let (method, text) = call?;
        let mut parameters = Vec::new();
        let (path, query) = split(text, &mut parameters, report)?;
        let mut parts = Parts {
            ends_with_slash: path_text(&text.value).ends_with('/'),
            body: self.body_kind(&method, report)?,
            method,
            path,
            query,
            headers: HeaderMap::new(),
            headers_of_call: Vec::new(),
            answers,
            parameters,
        };
        // The target's own come last and replace those of the system.
        for header in headers.iter().filter(|it| own.iter().all(|own| own.name != it.name)) {
            parts.add_header(header);
        }
        own.iter().for_each(|header| parts.add_header(header));
        Some(parts)
    }

    fn method_and_path(&self, at: Span, report: &mut Report) -> Option<(Method, &Located<String>)> {
        let help = || text!("write exactly one of `get`, `post`, `put`, `patch`, `delete`");
        let mut methods = self.methods();
        let Some(first) = methods.next() else {
            report.error(at, Code::Missing, "a target without a method and path").help(help());
            return None;
        };
        if let Some((method, second)) = methods.next() {
            let method = method.as_str().to_ascii_lowercase();
            let message = text!("`{}` is one method too many", &method);
            let found = report.error(second.at, Code::WrongKind, message);
            found.help("make a target of its own for each method");
            return None;
        }
        Some(first)
    }

    fn body_kind(&self, method: &Method, report: &mut Report) -> Option<BodyKind> {
        let usual = match *method {
            Method::GET | Method::DELETE => BodyKind::None,
            _ => BodyKind::Json,
        };
        let Some(body) = &self.body else { return Some(usual) };
        if *method == Method::GET && body.value != BodyKind::None {
            report
                .error(body.at, Code::WrongKind, "a body in a call with `get`")
                .help("use `post`, or put the values into the path: `/cari?nip=${$.nip}`");
            return None;
        }
        Some(body.value)
    }

    fn answers(&self, report: &mut Report) -> BTreeMap<u16, AnswerClass> {
        for (status, _) in self.answers.iter().filter(|(it, _)| !(300..600).contains(&it.value)) {
            report
                .error(status.at, Code::WrongKind, text!("no status `{}`", &status.value))
                .help("write one from 300 to 599; what is 2xx always is delivered");
        }
        self.answers.iter().map(|(status, class)| (status.value, *class)).collect()
    }
}

impl Parts {
    fn add_header(&mut self, header: &Header<'_>) {
        // Both were right when the headers were checked.
        let Ok(template) = Template::parse(header.text) else { return };
        match template.literal().map(|it| HeaderValue::from_bytes(it.as_bytes())) {
            Some(Ok(value)) => {
                self.headers.insert(header.name.clone(), value);
            }
            Some(Err(_)) => {}
            None => {
                let place = format!("header {}", header.name);
                self.headers_of_call.push((header.name.clone(), self.parameters.len()));
                self.parameters.push(Parameter { template, place, encode: path::as_it_is });
            }
        }
    }
}

/// The headers whose names and templates are right; the others are reported.
pub(super) fn check_headers<'a>(
    entries: &'a Entries<Located<String>>,
    report: &mut Report,
) -> Vec<Header<'a>> {
    let mut headers: Vec<Header<'_>> = Vec::new();
    for (name, text) in entries.iter() {
        let Some(checked) = header_name(name, report) else { continue };
        if headers.iter().any(|it| it.name == checked) {
            let message = text!("header `{}` twice", &name.value);
            report.error(name.at, Code::Duplicate, message).help("names differ in more than case");
        }
        if check_header_text(text, report) {
            headers.push(Header { name: checked, text: &text.value });
        }
    }
    headers
}

/// A header's name that an author may set.
pub(super) fn header_name(name: &Located<String>, report: &mut Report) -> Option<HeaderName> {
    let Ok(checked) = HeaderName::from_bytes(name.value.as_bytes()) else {
        let message = text!("`{}` is not the name of a header", &name.value);
        let found = report.error(name.at, Code::WrongKind, message);
        found.help("write letters, digits and `-`: `X-Kode-Satker`");
        return None;
    };
    let text = checked.as_str();
    if RESERVED.contains(&text) || RESERVED_PREFIXES.iter().any(|it| text.starts_with(it)) {
        let message = text!("header `{}` is set by simpul", &name.value);
        report.error(name.at, Code::WrongKind, message).help("take it out");
        return None;
    }
    Some(checked)
}

/// Never shows the text: it may come from the environment.
fn check_header_text(text: &Located<String>, report: &mut Report) -> bool {
    match Template::parse(&text.value) {
        Ok(template) => {
            let literal = template.literal().unwrap_or_default();
            let valid = HeaderValue::from_bytes(literal.as_bytes()).is_ok();
            if !valid {
                report
                    .error(text.at, Code::WrongKind, "a value that no header can hold")
                    .help("take out line breaks and control characters");
            }
            valid
        }
        Err(error) => {
            report
                .error(text.at, Code::Expression, "the value of a header does not parse")
                .label(error.message)
                .help("a secret belongs in `auth: { header: … }`, where `${…}` is not looked for");
            false
        }
    }
}

/// The path before its query.
fn path_text(text: &str) -> &str {
    path::query_start(text).and_then(|at| text.get(..at)).unwrap_or(text)
}

/// The path and the query of `text`; what is to be evaluated goes into `parameters`.
fn split(
    text: &Located<String>,
    parameters: &mut Vec<Parameter>,
    report: &mut Report,
) -> Option<(Part, Option<Part>)> {
    if let Err(error) = path::check(&text.value) {
        let at = text.at.within(&text.value, error.at);
        report.error(at, Code::WrongKind, error.message).help(error.help);
        return None;
    }
    let path_end = path_text(&text.value).len();
    let path = part(text, 0..path_end, "path", parameters, report);
    let has_query = path_end < text.value.len();
    let query =
        has_query.then(|| part(text, path_end + 1..text.value.len(), "query", parameters, report));
    match query {
        Some(query) => Some((path?, Some(query?))),
        None => Some((path?, None)),
    }
}

fn part(
    text: &Located<String>,
    range: std::ops::Range<usize>,
    place: &str,
    parameters: &mut Vec<Parameter>,
    report: &mut Report,
) -> Option<Part> {
    let start = range.start;
    let piece = text.value.get(range)?;
    match Template::parse(piece) {
        Ok(template) => Some(match template.literal() {
            Some(literal) => Part::Literal(literal.to_owned()),
            None => {
                let place = place.to_owned();
                parameters.push(Parameter { template, place, encode: path::encode });
                Part::Parameter(parameters.len() - 1)
            }
        }),
        Err(error) => {
            let at = text.at.within(&text.value, start + error.at.start..start + error.at.end);
            let found = report.error(at, Code::Expression, "a path does not parse");
            found.label(error.message);
            if let Some(help) = error.help {
                found.help(help);
            }
            None
        }
    }
}
