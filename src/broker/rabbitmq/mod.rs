//! The broker on RabbitMQ. So far only its address.

use std::fmt;

use lapin::uri::AMQPUri;

/// The address of a RabbitMQ: `amqp://user:password@host:5672/vhost`, or `amqps://…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(AMQPUri);

/// A text is not the address of a RabbitMQ. Without the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the address of a RabbitMQ")]
pub struct AddressError;

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`AddressError`] when it is none; write it as `amqp://user:password@host:5672/vhost`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let address: AMQPUri = text.parse().map_err(|_: String| AddressError)?;
        if address.authority.host.is_empty() { Err(AddressError) } else { Ok(Self(address)) }
    }

    /// The host and port, which may be shown.
    pub fn host(&self) -> String {
        format!("{}:{}", self.0.authority.host, self.0.authority.port)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Address({})", self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_its_host_and_never_its_password() {
        let address = Address::parse("amqps://simpul:rahasia@mq.kpu.example/lalu-lintas").unwrap();
        assert_eq!(address.host(), "mq.kpu.example:5671");
        assert_eq!(format!("{address:?}"), "Address(mq.kpu.example:5671)");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "amqp", "http://mq.kpu.example", "amqp://mq:port/"] {
            assert_eq!(Address::parse(text), Err(AddressError), "{text}");
        }
    }
}
