//! Keys as other tools name them, and what simpul calls the same.

use super::{Text, text};

/// What others write, and our words for it; of these the first that may stand there is meant.
const WORDS: &[(&[&str], &[&str])] = &[
    (&["source", "input", "inputs", "consumer", "subscribe", "consume"], &["from"]),
    (&["sink", "sinks", "output", "outputs", "target", "targets", "dest", "destination"], &["to"]),
    (&["name", "id"], &["route", "system"]),
    (&["description", "desc", "title"], &["summary", "name"]),
    (&["pipeline", "processors", "transforms", "flow"], &["steps"]),
    (&["transform", "mapping", "bloblang", "jq", "jsonata", "template", "jolt"], &["map", "steps"]),
    (&["if", "where", "condition", "choice", "switch"], &["when", "filter"]),
    (&["when"], &["filter"]),
    (&["enrich", "dictionary", "join"], &["lookup"]),
    (&["foreach", "for_each", "iterate", "unarchive", "splitter"], &["split", "each"]),
    (&["delete", "drop", "unset", "exclude", "redact"], &["remove"]),
    (&["assign", "let", "setbody", "setheader", "set_header"], &["set"]),
    (&["jsonschema", "json_schema"], &["validate", "schema"]),
    (&["dedupe", "idempotent", "idempotent_consumer", "idempotency", "unique"], &["identity"]),
    (&["order", "partition_key", "ordering_key", "group_by", "key"], &["order_by"]),
    (&["delay", "initial", "initial_interval", "redeliverydelay", "backoff"], &["first"]),
    (&["multiplier", "backoffmultiplier"], &["factor"]),
    (&["max_interval", "maximumredeliverydelay", "max_delay"], &["max"]),
    (&["expires", "expiration", "expiry", "time_to_live", "message_ttl"], &["ttl"]),
    (&["rest", "api", "webhook", "https"], &["http"]),
    (&["rabbitmq", "rabbit", "queue"], &["amqp", "broker"]),
    (&["file", "csv"], &["files"]),
    (&["base_url", "baseurl", "endpoint", "host", "address"], &["url"]),
    (&["authentication", "authorization", "credentials", "security"], &["auth"]),
    (&["token", "apikey", "api_key"], &["bearer", "api_keys"]),
    (&["password", "user", "username"], &["basic"]),
    (&["port", "bind", "http_port"], &["listen"]),
    (&["admin", "metrics", "admin_port"], &["ops"]),
    (&["data", "data_dir", "database", "storage"], &["store"]),
];

/// What to say about a key that is not ours but another tool's.
pub(super) fn habit(wrong: &str, known: &[&str]) -> Option<Text> {
    let lower = wrong.to_lowercase();
    let has = |key: &str| known.contains(&key);
    if has(&lower) {
        return Some(text!("write it in small letters: `{}`", &lower));
    }
    let said = match lower.as_str() {
        "attempts"
        | "max_attempts"
        | "maximumredeliveries"
        | "max_retries"
        | "retries"
        | "count"
            if has("give_up") =>
        {
            text!("tries end after a time, not after a number of them: `give_up: 3d`")
        }
        "method" | "path" | "url" | "uri" if has("post") => {
            text!("write the method as the key, and the path as its value: `post: /api/kirim`")
        }
        "retry" if has("post") => {
            text!("`retry:` stands beside `http:`, or in a route under its target")
        }
        "verify" | "insecure" | "tls" | "ssl" | "skip_verify" | "tls_skip_verify"
            if has("allow_private_networks") =>
        {
            text!("certificates are always checked; `ca:` names an authority to trust")
        }
        "exchange" | "routing_key" | "topic" if has("bind") => {
            text!("a source reads a queue; with `bind:` the queue is bound to an exchange")
        }
        "body" | "depth" | "rate" | "prefetch" | "disk_low" if has("limits") => {
            text!("write it under `limits:`")
        }
        "map" | "each" | "when" | "answers" if has("route") && has("to") => {
            text!("write it under its target: further in than `- target:`")
        }
        _ => {
            let (_, ours) = WORDS.iter().find(|(theirs, _)| theirs.contains(&lower.as_str()))?;
            let ours = ours.iter().find(|it| has(it))?;
            return Some(text!("simpul calls it `{}`", ours));
        }
    };
    Some(said)
}
