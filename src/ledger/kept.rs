//! A message as it was accepted, kept while a replay may need it.

use super::writes::id;
use crate::{
    message::{Message, MessageId},
    store::{Param, checksum},
};

/// The values of a message that is kept: route, id, and the columns of its row.
pub(super) fn kept(route: &str, message: &Message) -> Vec<Param> {
    let (received_at, headers) = (message.received_at.as_millis(), message.headers.to_json());
    let sum = sum_of_kept(route, message.id, received_at, (&headers, &message.body));
    let body = message.body.clone();
    vec![route.into(), id(message.id), received_at.into(), headers.into(), body.into(), sum.into()]
}

/// What a message that is kept was written as.
pub(super) fn sum_of_kept(
    route: &str,
    message: MessageId,
    received_at: i64,
    (headers, body): (&str, &[u8]),
) -> i64 {
    let received_at = received_at.to_le_bytes();
    let parts = [route.as_bytes(), message.as_bytes(), &received_at, headers.as_bytes(), body];
    checksum(&parts)
}
