//! A mapping whose keys its author chose, each with its place.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, de};

use super::Located;

/// Keys and values in the order of the file. The reader refuses a key that stands twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries<V, K = String>(pub Vec<(Located<K>, V)>);

impl<V, K> Default for Entries<V, K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V, K> Entries<V, K> {
    /// Each key and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&Located<K>, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de, V: Deserialize<'de>, K: Deserialize<'de>> Deserialize<'de> for Entries<V, K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<V, K>(PhantomData<(V, K)>);

impl<'de, V: Deserialize<'de>, K: Deserialize<'de>> de::Visitor<'de> for EntriesVisitor<V, K> {
    type Value = Entries<V, K>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mapping")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}
