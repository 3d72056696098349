//! A mapping whose keys its author chose, each with its place.

use std::{fmt, marker::PhantomData, vec};

use serde::{Deserialize, Deserializer, de};

use super::Located;

/// Keys and values in the order of the file. The reader refuses a key that stands twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries<V, K = String> {
    all: Vec<(Located<K>, V)>,
    /// Some stand in the file and could not be read.
    lacks: bool,
}

impl<V, K> Default for Entries<V, K> {
    fn default() -> Self {
        Self { all: Vec::new(), lacks: false }
    }
}

impl<V, K> Entries<V, K> {
    /// Each key and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&Located<K>, &V)> {
        self.all.iter().map(|(key, value)| (key, value))
    }

    /// How many could be read.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none, not even one that could not be read: of that its author knows.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && !self.lacks
    }
}

impl<V, K> IntoIterator for Entries<V, K> {
    type Item = (Located<K>, V);
    type IntoIter = vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
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
        let stand_there = map.size_hint();
        let mut all = Vec::new();
        while let Some(entry) = map.next_entry()? {
            all.push(entry);
        }
        let lacks = stand_there.is_some_and(|it| all.len() < it);
        Ok(Entries { all, lacks })
    }
}
