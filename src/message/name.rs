//! Names that integrators give: of systems, of their endpoints, of routes.

use std::{fmt, sync::Arc};

/// Letters that a name of a route, system, source or target may have: `^[a-z][a-z0-9-]{0,62}$`.
pub fn is_name(text: &str) -> bool {
    const LENGTH_MAX: usize = 63;
    let mut letters = text.bytes();
    letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        && text.len() <= LENGTH_MAX
}

/// A source or target of a system: `e-sppd.status`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The system's name.
    pub system: Arc<str>,
    /// The name of the source or target within its system.
    pub name: Arc<str>,
}

impl Endpoint {
    /// Reads `system.name`; `None` if the text is not two names with a dot between them.
    pub fn parse(text: &str) -> Option<Self> {
        let (system, name) = text.split_once('.')?;
        let valid = is_name(system) && is_name(name);
        valid.then(|| Self { system: system.into(), name: name.into() })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.system, self.name)
    }
}

impl serde::Serialize for Endpoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not `system.name`"))
    }
}
