//! An entry as a message of AMQP, and back.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    amqp::{Properties, Publication, Table, Taken},
    broker::Entry,
    message::{Digest, Headers, Timestamp},
};

/// Headers of an entry up to this size, in bytes, travel as a header; bigger ones before the body,
/// for all headers of AMQP together must fit into one frame.
const HEADER_BYTES_MAX: usize = 32 << 10;

const ID: &str = "simpul-id";
const RECEIVED_AT: &str = "simpul-received-at";
const HEADERS: &str = "simpul-headers";
const HEADER_BYTES: &str = "simpul-header-bytes";
const ORDER_KEY: &str = "simpul-order-key";
const DUE: &str = "simpul-due";
const COPY: &str = "simpul-copy";

/// What travels with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) entry: Entry,
    pub(super) due: Option<Timestamp>,
    pub(super) order_key: Option<Digest>,
    /// Another one like it may be under way.
    pub(super) is_copy: bool,
}

impl Envelope {
    /// For `exchange` with `routing_key`. Each publication has an id of its own, by which it is
    /// known if it comes back.
    pub(super) fn publication(&self, exchange: &str, routing_key: &str) -> Publication {
        let Self { entry, due, order_key, is_copy } = self;
        let mut headers = Table::new();
        headers.insert(ID.to_owned(), entry.id.to_string());
        headers.insert(RECEIVED_AT.to_owned(), entry.received_at.as_millis().to_string());
        if let Some(due) = due {
            headers.insert(DUE.to_owned(), due.as_millis().to_string());
        }
        if let Some(key) = order_key {
            headers.insert(ORDER_KEY.to_owned(), key.to_string());
        }
        if *is_copy {
            headers.insert(COPY.to_owned(), "1".to_owned());
        }
        let json = entry.headers.to_json();
        let body = if json.len() <= HEADER_BYTES_MAX {
            headers.insert(HEADERS.to_owned(), json);
            entry.body.clone()
        } else {
            headers.insert(HEADER_BYTES.to_owned(), json.len().to_string());
            let mut both = BytesMut::with_capacity(json.len() + entry.body.len());
            both.put_slice(json.as_bytes());
            both.put_slice(&entry.body);
            both.freeze()
        };
        let message_id = Some(unique());
        let properties =
            Properties { headers, message_id, persistent: true, ..Properties::default() };
        let (exchange, routing_key) = (exchange.to_owned(), routing_key.to_owned());
        Publication { exchange, routing_key, properties, body }
    }

    /// Nothing, if simpul did not write it.
    pub(super) fn of(taken: &Taken) -> Option<Self> {
        let headers = &taken.properties.headers;
        let number = |name: &str| headers.get(name).map(|it| it.parse::<i64>());
        let mut body = taken.body.clone();
        let json = match headers.get(HEADER_BYTES) {
            None => headers.get(HEADERS)?.clone(),
            Some(bytes) => {
                let bytes = bytes.parse().ok().filter(|it| *it <= body.len())?;
                String::from_utf8(body.split_to(bytes).to_vec()).ok()?
            }
        };
        let entry = Entry {
            id: headers.get(ID)?.parse().ok()?,
            received_at: Timestamp::from_millis(number(RECEIVED_AT)?.ok()?),
            headers: Headers::from_json(&json),
            body,
        };
        Some(Self {
            entry,
            due: number(DUE).transpose().ok()?.map(Timestamp::from_millis),
            order_key: headers.get(ORDER_KEY).map(|it| it.parse()).transpose().ok()?,
            is_copy: headers.contains_key(COPY),
        })
    }
}

/// An id that nothing else under way has.
fn unique() -> String {
    let mut random = [0; 16];
    // Without randomness a return counts for everything that went to the same queue.
    let _ = getrandom::fill(&mut random);
    format!("{:032x}", u128::from_be_bytes(random))
}

/// Its body, for what simpul did not write.
pub(super) fn foreign(taken: &Taken, queue: &str) -> Publication {
    let mut properties = taken.properties.clone();
    properties.headers.insert("simpul-reason".to_owned(), format!("no entry of {queue}"));
    properties.message_id = Some(unique());
    properties.persistent = true;
    properties.expiration = None;
    let routing_key = super::spec::DEAD.to_owned();
    Publication {
        exchange: String::new(),
        routing_key,
        properties,
        body: Bytes::clone(&taken.body),
    }
}
