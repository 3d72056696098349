//! Those who know what must be true: senders that remember what they were told, receivers that
//! write down every call, a RabbitMQ and gateways of their own that can be killed, a cable that can
//! be pulled, and the verdict over all of it. For the program `faults` and for the tests.

#![allow(dead_code, reason = "the harness and the tests each use most of it")]

pub(crate) mod gateway;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod rabbit;
pub(crate) mod random;
pub(crate) mod raw;
pub(crate) mod receiver;
pub(crate) mod rules;
pub(crate) mod senders;
pub(crate) mod verdict;

/// The queue of the system that speaks AMQP.
pub(crate) const QUEUE: &str = "absensi.koreksi";
