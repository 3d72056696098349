//! The broker on RabbitMQ. So far only its address.

pub use crate::amqp::{Address, AddressError};
