//! Where a PostgreSQL is, and how it may be spoken to.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
};

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// The address of a database: `postgres://user:password@host:5432/database`.
///
/// Whatever leaves the machine is encrypted and the server's certificate checked, unless the
/// address says `?sslmode=disable`. `?sslrootcert=/path/ca.pem` names the authority to trust
/// instead of the operating system's.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) config: Box<Config>,
    pub(super) authority: Option<PathBuf>,
}

/// A text is not the address of a database. Without the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the address of a PostgreSQL database")]
pub struct AddressError;

impl Address {
    /// What addresses begin with.
    pub const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`AddressError`] when it is none, or names no host, user or database; write it as
    /// `postgres://user:password@host:5432/database`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if !Self::SCHEMES.iter().any(|it| text.starts_with(it)) {
            return Err(AddressError);
        }
        let (text, authority) = take_authority(text)?;
        let mut config: Config = text.parse().map_err(|_| AddressError)?;
        let named = |name: Option<&str>| name.is_some_and(|it| !it.is_empty());
        if config.get_hosts().is_empty() || !named(config.get_user()) || !named(config.get_dbname())
        {
            return Err(AddressError);
        }
        let (_, options) = text.split_once('?').unwrap_or_default();
        if !options.split('&').any(|it| it.starts_with("sslmode=")) {
            let near = config.get_hosts().iter().all(is_this_machine);
            config.ssl_mode(if near { SslMode::Disable } else { SslMode::Require });
        }
        Ok(Self { config: Box::new(config), authority })
    }

    /// Host, port and database, which may be shown.
    pub fn shown(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.as_str(),
            _ => "localhost",
        };
        let port = self.config.get_ports().first().copied().unwrap_or(PORT);
        format!("{host}:{port}/{}", self.config.get_dbname().unwrap_or_default())
    }

    /// The file with the authority to trust, if one is named.
    pub(super) fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }
}

/// Where a PostgreSQL listens unless told otherwise.
const PORT: u16 = 5432;

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Address({})", self.shown())
    }
}

/// Takes `sslrootcert` out, which the library does not know.
fn take_authority(text: &str) -> Result<(String, Option<PathBuf>), AddressError> {
    let Some((address, options)) = text.split_once('?') else {
        return Ok((text.to_owned(), None));
    };
    let mut authority = None;
    let mut others = Vec::new();
    for option in options.split('&').filter(|it| !it.is_empty()) {
        match option.strip_prefix("sslrootcert=") {
            None => others.push(option),
            Some(path) => {
                let path = percent_encoding::percent_decode_str(path).decode_utf8();
                authority = Some(PathBuf::from(path.map_err(|_| AddressError)?.as_ref()));
            }
        }
    }
    Ok((format!("{address}?{}", others.join("&")), authority))
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|it: IpAddr| it.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_where_it_is_and_never_its_password() {
        let address = Address::parse("postgres://simpul:rahasia@db.kpu.example/simpul").unwrap();
        assert_eq!(address.shown(), "db.kpu.example:5432/simpul");
        assert_eq!(format!("{address:?}"), "Address(db.kpu.example:5432/simpul)");
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_it_is_said_otherwise() {
        let mode = |text: &str| Address::parse(text).unwrap().config.get_ssl_mode();
        assert_eq!(mode("postgres://s:s@db.kpu.example/simpul"), SslMode::Require);
        assert_eq!(mode("postgresql://s:s@10.0.0.7/simpul"), SslMode::Require);
        assert_eq!(mode("postgres://s:s@db.kpu.example/simpul?sslmode=disable"), SslMode::Disable);
        for near in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
            assert_eq!(mode(&format!("postgres://s@{near}/simpul")), SslMode::Disable, "{near}");
        }
    }

    #[test]
    fn an_authority_of_its_own_is_read() {
        let text = "postgres://s@db/simpul?sslrootcert=%2Fetc%2Fsimpul%2Fca.pem&connect_timeout=2";
        let address = Address::parse(text).unwrap();
        assert_eq!(address.authority(), Some(Path::new("/etc/simpul/ca.pem")));
        assert_eq!(address.config.get_connect_timeout().map(|it| it.as_secs()), Some(2));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let wrong = [
            "",
            "postgres",
            "postgres:",
            "postgres://",
            "http://db/simpul",
            "postgres://db/simpul",
            "postgres://simpul@db",
            "postgres://simpul@db:port/simpul",
            "postgres://simpul@db/simpul?sslmode=maybe",
            "host=db user=simpul dbname=simpul",
        ];
        for text in wrong {
            assert_eq!(Address::parse(text).map(drop), Err(AddressError), "{text}");
        }
    }
}
