//! `--lang`: the language in which the author of files is told something.

use clap::ValueEnum;

use super::CouldNot;
use crate::diagnostic::Language;

/// What gives the language where `--lang` does not.
pub(super) const VARIABLE: &str = "SIMPUL_LANG";

/// In which language an answer is told, what is wrong with files above all.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct Lang {
    /// In which language to answer; else what SIMPUL_LANG says, else English
    #[arg(long, global = true, value_enum, value_name = "LANGUAGE")]
    lang: Option<Named>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Named {
    /// English
    En,
    /// Bahasa Indonesia
    Id,
}

impl Lang {
    /// The language. That of the shell (`LANG`) does not decide: scripts and colleagues search for
    /// what they read.
    ///
    /// # Errors
    ///
    /// The variable names a language that there is not.
    pub(super) fn language(self) -> Result<Language, CouldNot> {
        let said = match std::env::var(VARIABLE) {
            Ok(value) if self.lang.is_none() && !value.is_empty() => {
                let read = Named::from_str(&value, true);
                Some(read.map_err(|_| {
                    CouldNot(format!("`{VARIABLE}` is `{value}`; write `en` or `id`"))
                })?)
            }
            _ => self.lang,
        };
        Ok(match said {
            Some(Named::Id) => Language::Indonesian,
            Some(Named::En) | None => Language::English,
        })
    }
}
