//! The classes of data, as Indonesian records have them.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// The classes of data, from the lowest: the four grades of security that every official document
/// bears (`sifat naskah`), by which archives decide who may see it.
///
/// They are those of SRIKANDI, the agencies' common application for letters and archives, and of the
/// tables of security and access (SKKAAD) that each agency keeps, for the election commission in PKPU
/// 7/2021. What goes to where less may be held must lose what makes it secret, and the route names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Classification {
    /// Public, or at least harmless.
    Biasa,
    /// For the agency alone.
    Terbatas,
    /// Secret.
    Rahasia,
    /// Top secret.
    SangatRahasia,
}

impl fmt::Display for Classification {
    /// As it is written in files.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Biasa => "biasa",
            Self::Terbatas => "terbatas",
            Self::Rahasia => "rahasia",
            Self::SangatRahasia => "sangat_rahasia",
        })
    }
}
