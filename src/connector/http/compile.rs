//! From what the author wrote under `http:` to targets that can be called.

use std::{
    net::IpAddr,
    str::FromStr as _,
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{
    Client, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};

use super::{
    super::{OpenTarget, Secret},
    address,
    certificate::Until,
    client,
    parts::{Parts, check_headers, header_name},
    reach::Door,
    spec::{AuthSpec, BasicSpec, HttpSpec, HttpTargetSpec},
    target::HttpTarget,
};
use crate::{
    diagnostic::{Code, Located, Report, Span, Text, text, units::DurationText},
    message::{Clock, Digest, Endpoint},
};

/// How long one call may take in all unless the file says otherwise.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The longest that a file may say: a delivery in hand for longer is not told from a stuck one.
const TIMEOUT_MAX: Duration = Duration::from_mins(5);

/// What all targets of a system share.
pub(super) struct Shared {
    client: Client,
    door: Arc<Door>,
    certificate: Arc<Until>,
    credentials: HeaderMap,
}

impl HttpSpec {
    pub(super) fn compile_targets(&self, system: &str, report: &mut Report) -> Vec<OpenTarget> {
        let timeout = timeout(self.timeout.as_ref(), report);
        let headers = check_headers(&self.headers, report);
        let shared = self.shared(report);
        let mut open = Vec::new();
        for (name, spec) in self.targets.iter() {
            let endpoint = endpoint(system, name, report);
            let parts = spec.compile(name.at, &headers, report);
            let timeout = match &spec.timeout {
                Some(own) => self::timeout(Some(own), report),
                None => timeout,
            };
            let (Some(endpoint), Some(mut parts), Some(shared)) = (endpoint, parts, &shared) else {
                continue;
            };
            open.push(OpenTarget {
                endpoint,
                parameters: std::mem::take(&mut parts.parameters).into(),
                schema: spec.schema.clone(),
                answers: std::mem::take(&mut parts.answers),
                digest: self.digest(spec),
                target: Arc::new(shared.target(parts, timeout)),
            });
        }
        open
    }

    /// What all targets share; nothing where the system has none.
    fn shared(&self, report: &mut Report) -> Option<Shared> {
        let (first, _) = self.targets.iter().next()?;
        let Some(url) = &self.url else {
            report
                .error(first.at, Code::Missing, "a target needs the system's address")
                .help("write `url: https://…` under `http:`");
            return None;
        };
        let (base, https) = base(url, self.private(), report)?;
        if !https && let (Some(auth), false) = (&self.auth, is_loopback(&base)) {
            report
                .warn(auth.at(), Code::WrongKind, "the credentials travel unencrypted")
                .help("use an `https://` address in `url`");
        }
        let ca = self.ca.as_ref().map(|it| it.value.as_str());
        let certificate = Arc::default();
        let client = match client::client(https, ca, self.private(), &certificate) {
            Ok(client) => client,
            Err(why) => {
                let at = self.ca.as_ref().map_or(url.at, |it| it.at);
                report.error(at, Code::WrongKind, text!("no secure connections: {}", &why));
                return None;
            }
        };
        let credentials = match &self.auth {
            Some(auth) => credentials(auth, &client, report)?,
            None => HeaderMap::new(),
        };
        let ca = ca.map(str::to_owned);
        let door = Arc::new(Door { base, https, ca, private: self.private() });
        Some(Shared { client, certificate, door, credentials })
    }

    fn private(&self) -> bool {
        self.allow_private_networks.unwrap_or(true)
    }

    /// Changes when anything does that a call to the target depends on.
    fn digest(&self, spec: &HttpTargetSpec) -> Digest {
        let mut parts = Vec::new();
        let mut add = |key: &str, value: &str| parts.push(format!("{key}={value}"));
        add("url", self.url.as_ref().map_or("", |it| it.value.reveal()));
        match &self.auth {
            None => {}
            Some(AuthSpec::Bearer(token)) => add("bearer", token.value.reveal()),
            Some(AuthSpec::Basic(basic)) => {
                add("user", basic.user.value.reveal());
                add("password", basic.password.value.reveal());
            }
            Some(AuthSpec::Header(header)) => {
                add(&header.name.value, header.value.value.reveal());
            }
        }
        add("ca", self.ca.as_ref().map_or("", |it| it.value.as_str()));
        add("private", &self.private().to_string());
        for timeout in [&self.timeout, &spec.timeout].into_iter().flatten() {
            add("timeout", &timeout.value.to_string());
        }
        for (name, value) in self.headers.iter().chain(spec.headers.iter()) {
            add(&name.value, &value.value);
        }
        for (method, path) in spec.methods() {
            add(method.as_str(), &path.value);
        }
        add("body", &format!("{:?}", spec.body.as_ref().map(|it| it.value)));
        add("schema", spec.schema.as_ref().map_or("", |it| it.value.as_str()));
        for (status, class) in spec.answers.iter() {
            add("answer", &format!("{} {class:?}", status.value));
        }
        Digest::of(&parts.iter().map(String::as_bytes).collect::<Vec<_>>())
    }
}

impl AuthSpec {
    fn at(&self) -> Span {
        match self {
            Self::Bearer(token) => token.at,
            Self::Basic(basic) => basic.password.at,
            Self::Header(header) => header.value.at,
        }
    }
}

impl Shared {
    fn target(&self, parts: Parts, timeout: Duration) -> HttpTarget {
        let mut headers = parts.headers;
        headers.extend(self.credentials.clone());
        HttpTarget {
            client: self.client.clone(),
            certificate: Arc::clone(&self.certificate),
            clock: Clock::system(),
            method: parts.method,
            door: Arc::clone(&self.door),
            path: parts.path,
            query: parts.query,
            fixed: OnceLock::new(),
            ends_with_slash: parts.ends_with_slash,
            headers,
            headers_of_call: parts.headers_of_call,
            body: parts.body,
            timeout,
        }
    }
}

/// The header that proves who calls. Messages here never show a value: it is a secret.
fn credentials(auth: &AuthSpec, client: &Client, report: &mut Report) -> Option<HeaderMap> {
    let (name, value, at) = match auth {
        AuthSpec::Bearer(token) => {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.value.reveal()));
            (AUTHORIZATION, value.ok(), token.at)
        }
        AuthSpec::Basic(basic) => {
            if basic.user.value.reveal().contains(':') {
                report
                    .error(basic.user.at, Code::WrongKind, "a user with a colon")
                    .help("take the colon out: what follows it would count as the password");
                return None;
            }
            (AUTHORIZATION, basic_auth(basic, client), basic.password.at)
        }
        AuthSpec::Header(header) => {
            let value = HeaderValue::from_str(header.value.value.reveal());
            (header_name(&header.name, report)?, value.ok(), header.value.at)
        }
    };
    let Some(mut value) = value else {
        report
            .error(at, Code::WrongKind, "a secret that no header can hold")
            .help("look for line breaks, control characters and letters beyond ASCII in it");
        return None;
    };
    value.set_sensitive(true);
    Some([(name, value)].into_iter().collect())
}

/// The value of the header that the client itself would send.
fn basic_auth(basic: &BasicSpec, client: &Client) -> Option<HeaderValue> {
    let (user, password) = (basic.user.value.reveal(), basic.password.value.reveal());
    let call = client.get("http://localhost").basic_auth(user, Some(password)).build();
    call.ok()?.headers_mut().remove(AUTHORIZATION)
}

/// The address without a slash at its end, and whether it is `https`. Messages here never show
/// it: part of it may come from a secret.
fn base(url: &Located<Secret>, private: bool, report: &mut Report) -> Option<(String, bool)> {
    let mut wrong = |message: Text, help: Text| {
        report.error(url.at, Code::WrongKind, message).help(help);
        None
    };
    let Ok(parsed) = Url::parse(url.value.reveal()) else {
        return wrong(
            text!("not an address"),
            text!("write `https://host/path`; a variable of the environment is `${env:NAME}`"),
        );
    };
    let https = match parsed.scheme() {
        "https" => true,
        "http" => false,
        _ => return wrong(text!("neither http nor https"), text!("write `https://host/path`")),
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return wrong(
            text!("a user or password in an address"),
            text!("write it under `auth: { basic: … }`"),
        );
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return wrong(
            text!("a query or fragment in an address"),
            text!("write the query at the targets' paths"),
        );
    }
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if let Ok(address) = IpAddr::from_str(host)
        && !address::may_be_called(address, private)
    {
        let help = text!(
            "link-local and metadata addresses never are called; private ones only with `allow_private_networks: true`"
        );
        return wrong(text!("an address that simpul does not call"), help);
    }
    Some((parsed.as_str().trim_end_matches('/').to_owned(), https))
}

fn is_loopback(base: &str) -> bool {
    let host = Url::parse(base).ok().and_then(|it| it.host_str().map(str::to_owned));
    host.is_some_and(|host| {
        let address = IpAddr::from_str(host.trim_matches(['[', ']']));
        host == "localhost" || address.is_ok_and(|it| it.is_loopback())
    })
}

fn timeout(text: Option<&Located<DurationText>>, report: &mut Report) -> Duration {
    let Some(text) = text else { return TIMEOUT };
    let timeout = text.value.0;
    if timeout.is_zero() || TIMEOUT_MAX < timeout {
        report
            .error(text.at, Code::WrongKind, text!("a timeout of `{}`", &text.value))
            .help(text!("write more than `0s` and at most `{}`", &DurationText(TIMEOUT_MAX)));
    }
    timeout
}

/// An endpoint's name, if it is one.
pub(in super::super) fn endpoint(
    system: &str,
    name: &Located<String>,
    report: &mut Report,
) -> Option<Endpoint> {
    let endpoint = Endpoint::parse(&format!("{system}.{}", name.value));
    if endpoint.is_none() {
        report
            .error(name.at, Code::BadName, text!("`{}` is not a name", &name.value))
            .help("begin with a letter a-z; go on with a-z, 0-9 and `-`, up to 63 in all");
    }
    endpoint
}
