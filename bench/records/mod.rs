//! What the benches send: two records of about 1 KiB, and the same work on them by hand, as
//! somebody would write it for this one message.

#![allow(dead_code, reason = "no bench needs all of it")]

pub(crate) mod result;
pub(crate) mod staff;
