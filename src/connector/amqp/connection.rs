//! The connections of one system, opened when they are first needed.

use std::sync::OnceLock;

use crate::amqp::{Address, Link, Tls};

/// What all sources and targets of a system share. RabbitMQ holds back whoever publishes too fast,
/// the whole connection of his: so one is for publishing, and another for consuming.
pub(super) struct Shared {
    address: Address,
    host: String,
    ca: Option<String>,
    publishing: OnceLock<Link>,
    consuming: OnceLock<Link>,
}

impl Shared {
    pub(super) fn new(address: Address, ca: Option<String>) -> Self {
        let host = address.host();
        Self { address, host, ca, publishing: OnceLock::new(), consuming: OnceLock::new() }
    }

    /// Where it is: host and port.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The connection over which messages go out. Needs a runtime.
    pub(super) fn publishing(&self) -> &Link {
        self.publishing.get_or_init(|| self.open("target"))
    }

    /// The connection over which messages come in. Needs a runtime.
    pub(super) fn consuming(&self) -> &Link {
        self.consuming.get_or_init(|| self.open("source"))
    }

    fn open(&self, purpose: &str) -> Link {
        Link::open(self.address.clone(), purpose, Tls { ca_pem: self.ca.clone() })
    }
}
