//! AMQP 0-9-1, and the one place that knows the client library.
//!
//! The library reconnects a number of times and then gives up for good, glues returned messages to
//! whichever confirmation comes next, and cancels a consumer by dropping it. So this room keeps
//! connections, publishing channels and consumers itself:
//!
//! ```text
//! link       one connection, made anew for as long as anybody holds it
//! publisher  one channel that publishes, pipelined, with an answer for each message
//! desk       that channel, and what was sent over it and is not confirmed
//! pulse      whether the broker still confirms
//! consumer   one channel that consumes
//! held       what it handed out, acknowledged in groups
//! admin      declares, binds, counts, empties, peeks
//! fields     properties and header tables, cleaned in both directions
//! version    which server it is, which the library does not tell
//! ```

mod address;
mod admin;
mod consumer;
mod desk;
mod fields;
mod held;
mod link;
mod publisher;
mod pulse;
mod version;

pub use self::{
    address::{Address, AddressError},
    admin::{Admin, AdminError, Argument, Binding, Counts, ExchangeSpec, QueueSpec},
    consumer::{Acker, ConsumeOptions, Consumer, ConsumerState, Setup, Tag, Taken},
    fields::{ID_BYTES_MAX, Properties, Table},
    link::{Link, LinkState, Tls},
    publisher::{Patience, Publication, PublishFailure, Publisher},
    version::Version,
};

/// What must never be logged: the library writes a message that came back out, body and all.
pub const UNLOGGED: &str = "lapin::returned_messages=off";

/// What went wrong, in one line for an operator. Never holds a password or a body: the server's
/// own words, or what the operating system said.
fn why(error: &lapin::Error) -> String {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        lapin::ErrorKind::IOError(error) => error.to_string(),
        lapin::ErrorKind::MissingHeartbeatError => "no sign of life from the broker".to_owned(),
        lapin::ErrorKind::ChannelsLimitReached => "no channel is left on the connection".to_owned(),
        lapin::ErrorKind::InvalidConnectionState(_) => "the connection was closed".to_owned(),
        lapin::ErrorKind::InvalidChannelState(..) => "the channel was closed".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Why no connection came about, said so that the one who can mend it understands it.
fn why_unconnected(text: String) -> String {
    if !text.contains("invalid peer certificate") {
        return text;
    }
    let reason = match &text {
        it if it.contains("xpired") => "has expired",
        it if it.contains("UnknownIssuer") => {
            "is by an authority that is not trusted here: give the authority's own as `ca` \
             (`broker_ca` in simpul.yaml)"
        }
        it if it.contains("NotValidForName") || it.contains("not valid for name") => {
            "is for another name than that of the address"
        }
        _ => return format!("{CERTIFICATE} does not hold: {text}"),
    };
    format!("{CERTIFICATE} {reason}")
}

/// What every failure begins with that lies in a certificate.
pub const CERTIFICATE: &str = "the server's certificate";

/// The number of the error that a server answered with: 404, 406, …
fn code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}
