//! How a target is spoken to, for traces.

/// How a target is spoken to. Nothing of it comes from a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Speaks {
    /// Calls over HTTP.
    Http {
        /// `POST`.
        method: String,
        /// The host, without its port.
        host: String,
        /// The port, also where the scheme tells it.
        port: Option<u16>,
    },
    /// Messages to a RabbitMQ.
    Amqp {
        /// The host.
        host: String,
        /// The exchange; empty for the default one.
        exchange: String,
    },
    /// Otherwise.
    #[default]
    Other,
}
