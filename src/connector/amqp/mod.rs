//! AMQP 0-9-1: systems publish to queues of a RabbitMQ (sources), and read from one (targets).
//!
//! A source's queue is consumed as it is. What is taken out of it goes the way of all messages: into
//! the queue of each route that reads the source, and is acknowledged when it stands there. That is
//! right on either broker; consuming directly into a route would save a hop and is not done yet.

mod compile;
mod connection;
mod headers;
mod reach;
mod source;
mod spec;
mod target;

pub use self::compile::{check_ca, check_encryption};
pub use self::spec::{AmqpSourceSpec, AmqpSpec, AmqpTargetSpec, BindSpec, QueueKind, Trusted};
