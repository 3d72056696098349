//! Who calls, and what he may.
//!
//! ```text
//! grant     rights, roles, and over what they are     users     the file that gives them
//! roster    that file while the bus runs              password  hashes, and checking them
//! session   who is in                                 throttle  how often one may try
//! door      all of it together
//! ```

mod caller;
mod door;
mod grant;
pub mod password;
mod roster;
mod session;
mod throttle;
mod users;

pub use self::{
    caller::Caller,
    door::{Door, Inside, Known, Outside},
    grant::{Grant, Grants, Of, Over, Right, Role},
    roster::replace,
    session::{AGE_MAX, Bears, IDLE_MAX},
    throttle::Address,
    users::{User, Users, is_login},
};
