//! Which server it is. The library reads it and keeps it to itself, so it is asked for once, on a
//! connection that goes no further than the server's first words.

use std::fmt;

use futures_util::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a client says first.
const HEADER: &[u8] = b"AMQP\0\0\x09\x01";

/// The server's first words are a few hundred bytes; more is no AMQP.
const START_BYTES_MAX: usize = 16 << 10;

/// The oldest RabbitMQ that keeps what is promised: quorum queues that dead-letter at least once.
const OLDEST: (u32, u32) = (3, 10);

/// The product and version of a server: `RabbitMQ 3.10.8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The product.
    pub product: String,
    /// The version, as the server writes it.
    pub text: String,
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.product, self.text)
    }
}

impl Version {
    /// The first two numbers; zeros where there are none.
    pub fn major_minor(&self) -> (u32, u32) {
        let mut numbers = self.text.split(['.', '-', '+']).map(|it| it.parse().unwrap_or_default());
        (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
    }

    /// Why this server cannot be used, if it cannot.
    pub(super) fn refusal(&self) -> Option<String> {
        let too_old = self.product == "RabbitMQ" && self.major_minor() < OLDEST;
        too_old.then(|| format!("{self} is too old; 3.10 is the oldest that works"))
    }
}

/// Asks a server, over a fresh connection.
pub(super) async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
) -> std::io::Result<Version> {
    stream.write_all(HEADER).await?;
    stream.flush().await?;
    let mut start = Vec::new();
    let mut chunk = [0; 2048];
    while start.len() < START_BYTES_MAX {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            break;
        }
        start.extend(chunk.iter().take(count));
        if let Some(version) = read(&start) {
            return Ok(version);
        }
    }
    Err(std::io::Error::other("what answered does not speak AMQP 0-9-1"))
}

/// The version in `connection.start`, once all of it is there.
fn read(start: &[u8]) -> Option<Version> {
    Some(Version { product: property(start, "product")?, text: property(start, "version")? })
}

/// A text among the server's properties: its name, `S`, its length, itself.
fn property(start: &[u8], name: &str) -> Option<String> {
    let mut wanted = vec![u8::try_from(name.len()).ok()?];
    wanted.extend_from_slice(name.as_bytes());
    wanted.push(b'S');
    let at = start.windows(wanted.len()).position(|it| it == wanted)?;
    let rest = start.get(at + wanted.len()..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let text = rest.get(..length)?;
    // Shown to an operator, so nothing that steers a terminal.
    Some(String::from_utf8_lossy(text).chars().filter(|it| !it.is_control()).take(64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(product: &str, text: &str) -> Version {
        Version { product: product.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn the_version_stands_among_the_servers_properties() {
        let start = b"\x01\x00\x00\x07productS\0\0\0\x08RabbitMQ\x07versionS\0\0\0\x063.10.8";
        assert_eq!(read(start), Some(version("RabbitMQ", "3.10.8")));
        for cut in 0..start.len() {
            assert_eq!(read(&start[..cut]), None, "{cut} bytes are not all of it");
        }
    }

    #[test]
    fn servers_before_3_10_are_refused_and_others_are_not_judged() {
        for (product, text, usable) in [
            ("RabbitMQ", "3.10.8", true),
            ("RabbitMQ", "4.1.0-rc.1", true),
            ("RabbitMQ", "3.9.29", false),
            ("LavinMQ", "2.4.0", true),
        ] {
            assert_eq!(version(product, text).refusal().is_none(), usable, "{product} {text}");
        }
    }
}
