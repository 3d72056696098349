//! The token that `/api` wants: made anew at every start, readable only by the account that runs
//! the bus, and by nobody's browser.

use std::{
    fs,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::message::Digest;

/// The file beside the store.
const FILE: &str = "ops.token";

/// Bytes of a token: nobody guesses 256 bits.
const TOKEN_BYTES: usize = 32;

/// A token, kept as its digest: comparing digests tells nothing about the token by its timing.
#[derive(Debug)]
pub struct OpsToken(Digest);

/// How the command line reaches a running bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Where its operator's listener stands, as seen from this machine.
    pub address: SocketAddr,
    /// The token.
    pub token: String,
}

impl OpsToken {
    /// Makes a token and writes it, with the address of the listener, into `directory` for the
    /// command line.
    ///
    /// # Errors
    ///
    /// When the file cannot be written or the system gives no randomness; the bus must not start
    /// then, for nobody could operate it.
    pub fn create(directory: &Path, listens: SocketAddr) -> io::Result<Self> {
        let mut random = [0; TOKEN_BYTES];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        // A new file is renamed into place, so that no reader sees half of it and the rights of
        // an older one do not matter.
        let fresh = directory.join(format!("{FILE}.{}", std::process::id()));
        let _ = fs::remove_file(&fresh);
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        writeln!(file, "{token}\n{}", reachable(listens))?;
        file.sync_all()?;
        fs::rename(&fresh, directory.join(FILE))?;
        Ok(Self::of(&token))
    }

    /// The token with this text.
    pub fn of(token: &str) -> Self {
        Self(Digest::of(&[token.as_bytes()]))
    }

    /// Whether it is this one.
    pub(super) fn is(&self, token: &str) -> bool {
        Digest::of(&[token.as_bytes()]) == self.0
    }

    /// Takes the file away when the bus stops.
    pub fn remove(directory: &Path) {
        // A file that stays is harmless: the token in it opens nothing any more.
        let _ = fs::remove_file(directory.join(FILE));
    }
}

impl Access {
    /// Reads what a running bus left in `directory`; `None` if none did.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read: most often it belongs to another account.
    pub fn read(directory: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(directory.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut lines = text.lines();
        let (token, address) = (lines.next(), lines.next().and_then(|it| it.parse().ok()));
        Ok(token.zip(address).map(|(token, address)| Self { address, token: token.to_owned() }))
    }
}

/// A listener on every address is reached on the loopback.
fn reachable(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listens.port())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_command_line_reads_what_the_bus_wrote_and_nobody_else_may() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Access::read(directory.path()).unwrap(), None);

        let token = OpsToken::create(directory.path(), "0.0.0.0:9464".parse().unwrap()).unwrap();
        let access = Access::read(directory.path()).unwrap().unwrap();
        assert_eq!(access.address, "127.0.0.1:9464".parse().unwrap());
        assert!(token.is(&access.token));
        let mode = fs::metadata(directory.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let second = OpsToken::create(directory.path(), "[::1]:9464".parse().unwrap()).unwrap();
        assert!(!second.is(&access.token), "each start has its own");
        OpsToken::remove(directory.path());
        assert_eq!(Access::read(directory.path()).unwrap(), None);
    }

    #[test]
    fn nothing_but_the_token_opens() {
        let token = OpsToken::of("kunci");
        let opened = ["kunci", "", "Kunci", "kunci "].map(|it| token.is(it));
        assert_eq!(opened, [true, false, false, false]);
    }
}
