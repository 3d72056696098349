//! Sorts what came back from a call into the classes of failures.

use std::{error::Error, iter, time::Duration};

use reqwest::{StatusCode, header::HeaderMap};

use super::{
    super::{CallError, Class, reason},
    address::ForbiddenAddress,
};
use crate::message::Timestamp;

/// The longest pause that another system can ask of us: one that says "in a year" is mistaken.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(6);

/// Sorts an answer by its status alone: a body may lie, or be missing.
///
/// `fixed_path`: the path has no `${…}`, so that one of these statuses speaks of the target, not
/// of the message, once it comes for several messages in a row.
pub(super) fn status(
    status: StatusCode,
    retry_after: Option<Duration>,
    fixed_path: bool,
) -> Result<(), CallError> {
    let (class, reason) = match status.as_u16() {
        200..=299 => return Ok(()),
        300..=399 => (Class::Misconfigured, format!("{status}: moved, update the url")),
        401 => (Class::Misconfigured, format!("{status}: update the credentials in `auth`")),
        408 | 425 | 429 | 500..=599 => (Class::Unavailable, status.to_string()),
        _ => (Class::Refused, status.to_string()),
    };
    let suspicious = fixed_path && matches!(status.as_u16(), 403 | 404 | 410);
    Err(CallError { class, status: Some(status.as_u16()), reason, retry_after, suspicious })
}

/// Sorts a call that no answer came back from.
pub(super) fn failure(error: reqwest::Error) -> CallError {
    // Without the URL: it may hold a secret, and reasons end up in logs.
    let error = error.without_url();
    let class = match causes(&error).find_map(misconfiguration) {
        Some(()) => Class::Misconfigured,
        None => Class::Unavailable,
    };
    let reason = if error.is_timeout() { timeout(&error) } else { without_layers(&error) };
    CallError { class, status: None, reason, retry_after: None, suspicious: false }
}

/// What went wrong, without the layers of the client through which the error came up.
fn without_layers(error: &reqwest::Error) -> String {
    let what = if error.is_connect() { "no connection" } else { "the call broke off" };
    // The first two causes are the client's: "error sending request", "client error (Connect)".
    let beneath = error.source().and_then(Error::source);
    beneath.map_or_else(|| reason(error), |beneath| format!("{what}: {}", reason(beneath)))
}

fn timeout(error: &reqwest::Error) -> String {
    let what = if error.is_connect() { "no connection within 5 s" } else { "no answer in time" };
    what.to_owned()
}

/// What `Retry-After` asks for, in seconds or as a date. A date is held against the `Date` of the
/// same answer where there is one: the two clocks then need not agree.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    let pause = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(text)?.since(date(headers).unwrap_or(now)),
    };
    Some(pause.min(RETRY_AFTER_MAX))
}

/// What time it was there when an answer was sent, if it says so.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    headers.get("date").and_then(|it| http_date(it.to_str().ok()?))
}

fn http_date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
}

/// Whether a cause is one that only people can take away: a certificate that does not hold, an
/// address that must not be called.
fn misconfiguration(cause: &(dyn Error + 'static)) -> Option<()> {
    use rustls::{AlertDescription as Alert, Error as Tls};
    if cause.is::<ForbiddenAddress>() {
        return Some(());
    }
    match cause.downcast_ref::<Tls>()? {
        Tls::InvalidCertificate(_) | Tls::NoCertificatesPresented => Some(()),
        // What the other side says of *our* certificate, or of our having none.
        Tls::AlertReceived(
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired,
        ) => Some(()),
        _ => None,
    }
}

/// An error and all its causes. `io::Error` hides the error that it wraps from `source`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|it| it as &(dyn Error + 'static)),
        None => error.source(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::AsyncReadExt as _;

    use super::*;

    fn class(code: u16) -> Option<Class> {
        let status = super::status(StatusCode::from_u16(code).unwrap(), None, true);
        status.err().map(|it| it.class)
    }

    #[tokio::test]
    async fn a_call_without_an_answer_says_what_broke_and_not_in_which_layer() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = super::super::client::client(false, None, true, &Arc::default()).unwrap();
        let call = client.get(format!("http://{closed}/")).send();
        let reason = super::failure(call.await.unwrap_err()).reason;
        assert!(reason.starts_with("no connection: tcp connect error: "), "{reason}");

        let hangs_up = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", hangs_up.local_addr().unwrap());
        let (call, _) = tokio::join!(client.get(url).send(), async {
            let (mut connection, _) = hangs_up.accept().await.unwrap();
            connection.read_exact(&mut [0; 16]).await.unwrap();
        });
        let reason = super::failure(call.unwrap_err()).reason;
        assert!(reason.starts_with("the call broke off: "), "{reason}");
    }

    #[test]
    fn every_status_has_its_class() {
        use Class::{Misconfigured, Refused, Unavailable};
        for (codes, expected) in [
            (vec![200, 201, 202, 204, 299], None),
            (vec![300, 301, 302, 304, 307, 308, 401], Some(Misconfigured)),
            (vec![408, 425, 429, 500, 501, 502, 503, 504, 599], Some(Unavailable)),
            (vec![400, 402, 403, 404, 405, 409, 410, 413, 415, 422, 451], Some(Refused)),
        ] {
            for code in codes {
                assert_eq!(class(code), expected, "{code}");
            }
        }
    }

    #[test]
    fn three_statuses_are_suspicious_on_a_fixed_path_only() {
        let suspicious = |code, fixed| {
            let error = status(StatusCode::from_u16(code).unwrap(), None, fixed).unwrap_err();
            error.suspicious
        };
        let codes: Vec<u16> = (300..600).filter(|code| suspicious(*code, true)).collect();
        assert_eq!(codes, [403, 404, 410]);
        assert!((300..600).all(|code| !suspicious(code, false)));
    }

    #[test]
    fn a_pause_is_read_in_seconds_and_as_a_date_and_never_longer_than_six_hours() {
        let now = Timestamp::from_millis(784_111_777_000);
        let pause = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| {
                (name.parse().unwrap(), reqwest::header::HeaderValue::from_static(value))
            });
            retry_after(&headers.collect(), now)
        };
        let seconds = |it| Some(Duration::from_secs(it));
        assert_eq!(pause(&[("retry-after", "7")]), seconds(7));
        assert_eq!(pause(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]), seconds(30));
        let date = ("date", "Sun, 06 Nov 1994 09:00:00 GMT");
        assert_eq!(pause(&[date, ("retry-after", "Sun, 06 Nov 1994 09:00:05 GMT")]), seconds(5));
        assert_eq!(pause(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), seconds(0));
        assert_eq!(pause(&[("retry-after", "31536000")]), Some(RETRY_AFTER_MAX));
        for text in ["-1", "soon", "", "1.5"] {
            assert_eq!(pause(&[("retry-after", text)]), None, "{text}");
        }
    }
}
