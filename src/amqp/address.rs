//! Where a broker is.

use std::fmt;

use lapin::uri::AMQPUri;

/// A broker that is gone is noticed after two of these; the server's own would be a minute.
const HEARTBEAT_SECONDS: u16 = 10;

/// The largest frame, in bytes: RabbitMQ's own limit unless it was told otherwise. Said from the
/// start, as the library makes its buffers for 32 of them then; made larger after the broker has
/// said it, they would be written over, and 8 MiB of memory be in use for each connection.
const FRAME_BYTES_MAX: u32 = 128 << 10;

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
        let mut address: AMQPUri = text.parse().map_err(|_: String| AddressError)?;
        // To the letter `amqp://host/` is the virtual host without a name, which nobody has; pika
        // and amqplib mean the usual one, and addresses are copied from there.
        if address.vhost.is_empty() {
            "/".clone_into(&mut address.vhost);
        }
        if address.authority.host.is_empty() { Err(AddressError) } else { Ok(Self(address)) }
    }

    /// As the client library wants it, with heartbeat and frames of ours unless it says others.
    pub(super) fn uri(&self) -> AMQPUri {
        let mut uri = self.0.clone();
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        uri.query.frame_max.get_or_insert(FRAME_BYTES_MAX);
        uri
    }

    /// Whether it is on this machine, so that nobody can listen.
    pub fn is_loopback(&self) -> bool {
        let host = self.0.authority.host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
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
    fn an_address_that_ends_with_a_slash_means_the_usual_virtual_host() {
        for (text, expected) in [
            ("amqp://mq.kpu.example", "/"),
            ("amqp://mq.kpu.example/", "/"),
            ("amqp://mq.kpu.example/%2f", "/"),
            ("amqp://mq.kpu.example/lalu-lintas", "lalu-lintas"),
        ] {
            assert_eq!(Address::parse(text).unwrap().uri().vhost, expected, "{text}");
        }
    }

    #[test]
    fn an_address_knows_whether_it_stays_on_this_machine() {
        for (text, expected) in [
            ("amqp://127.0.0.1:25672/x", true),
            ("amqp://localhost", true),
            ("amqp://mq.kpu.example", false),
        ] {
            assert_eq!(Address::parse(text).unwrap().is_loopback(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "amqp", "http://mq.kpu.example", "amqp://mq:port/"] {
            assert_eq!(Address::parse(text), Err(AddressError), "{text}");
        }
    }
}
