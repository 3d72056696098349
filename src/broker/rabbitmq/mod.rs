//! The broker on RabbitMQ. So far only its address.
