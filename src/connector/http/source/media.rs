//! What kind of content a call brings.

use axum::http::{HeaderMap, header};

use super::problem::{Problem, ProblemCode};

/// The kinds of content that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// One message, as it is; or a binary CloudEvent, if there are `ce-` headers.
    Json,
    /// A call without content type and body: only a binary CloudEvent may be one.
    Nothing,
    /// A structured CloudEvent.
    Event,
    /// A batch of structured CloudEvents.
    Events,
    /// One message on each line.
    Lines,
}

const TAKEN: &str = "write `content-type: application/json`, `application/x-ndjson`, \
                     `application/cloudevents+json` or `application/cloudevents-batch+json`, in UTF-8";

impl Media {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        if headers.get_all(header::CONTENT_ENCODING).iter().any(|it| it != "identity") {
            return Err(ProblemCode::UnsupportedEncoding.into());
        }
        let Some(text) = super::headers::only(headers, &header::CONTENT_TYPE)? else {
            return Ok(Self::Nothing);
        };
        Self::from_text(text).ok_or_else(|| Problem::new(ProblemCode::UnsupportedMediaType, TAKEN))
    }

    fn from_text(text: &str) -> Option<Self> {
        let (essence, is_utf8) = essence(text);
        let media = match essence.as_str() {
            "application/cloudevents+json" => Self::Event,
            "application/cloudevents-batch+json" => Self::Events,
            "application/x-ndjson" | "application/ndjson" => Self::Lines,
            it if is_json_essence(it) => Self::Json,
            _ => return None,
        };
        is_utf8.then_some(media)
    }

    /// Whether a call may bring several messages.
    pub(super) fn is_batch(self) -> bool {
        matches!(self, Self::Events | Self::Lines)
    }
}

/// Whether a `datacontenttype` says that the data of an event is JSON.
pub(super) fn is_json(text: &str) -> bool {
    let (essence, is_utf8) = essence(text);
    is_utf8 && is_json_essence(&essence)
}

fn is_json_essence(essence: &str) -> bool {
    let named = |rest: &str| rest.strip_suffix("+json").is_some_and(|it| !it.is_empty());
    essence == "application/json" || essence.strip_prefix("application/").is_some_and(named)
}

/// The type without its parameters, and whether its charset, if named, is UTF-8.
fn essence(text: &str) -> (String, bool) {
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_charset = |name: &str| name.trim().eq_ignore_ascii_case("charset");
    let is_utf8 = parts
        .filter_map(|it| it.split_once('='))
        .filter(|(name, _)| is_charset(name))
        .all(|(_, value)| value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"));
    (essence, is_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_whatever_its_case_and_parameters() {
        for (text, media) in [
            ("application/json", Media::Json),
            ("Application/JSON; charset=UTF-8", Media::Json),
            ("application/json;charset=\"utf-8\"; v=1", Media::Json),
            ("application/vnd.kpu.sppd+json", Media::Json),
            ("application/cloudevents+json; charset=utf-8", Media::Event),
            ("application/cloudevents-batch+json", Media::Events),
            ("application/x-ndjson", Media::Lines),
        ] {
            assert_eq!(Media::from_text(text), Some(media), "{text}");
        }
        for text in ["", "text/json", "text/plain", "application/xml", "application/+json"] {
            assert_eq!(Media::from_text(text), None, "{text}");
        }
        assert_eq!(Media::from_text("application/json; charset=iso-8859-1"), None);
        assert!(is_json("application/json") && !is_json("application/octet-stream"));
    }
}
