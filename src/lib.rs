//! simpul: an interoperability bus for the systems of government agencies.
//!
//! Systems publish messages; route files say where each message goes and in what shape; simpul
//! delivers every one of them durably, or tells an operator exactly why it could not.
//!
//! # Rooms
//!
//! Every directory of `src/` is a room, listed here in reading order. `tests/it/architecture.rs`
//! holds the table of who may import whom and fails when a line breaks it.
//!
//! ```text
//! diagnostic message metrics    what everyone speaks
//! sealing                       bodies that a copy of the disk does not show
//! spans                         traces, and who receives them
//! store table typing expr amqp  the one database; code tables; what is known of values; text ->
//!                               Expr; AMQP connections
//! step connector                the parts of a route; they do not know each other
//! broker ledger journal         durable queues; outcomes; history
//! route                         files -> Plan, or diagnostics
//! engine                        Plan -> running tasks
//! trial                         the tests of routes, played by the engine
//! ops cli                       what operators see; what people type
//! ```
//!
//! A message crosses them once, downwards: source -> broker -> engine -> steps -> broker ->
//! engine -> target.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod amqp;
pub mod broker;
pub mod cli;
pub mod connector;
pub mod crash;
pub mod diagnostic;
pub mod engine;
pub mod expr;
pub mod journal;
pub mod ledger;
pub mod message;
pub mod metrics;
pub mod ops;
pub mod route;
pub mod sealing;
pub mod spans;
pub mod step;
pub mod store;
pub mod table;
pub mod trial;
pub mod typing;
