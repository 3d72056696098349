//! Where the parsed body of one message lives, and everything that its steps make of it.

use bumpalo::{Bump, collections::Vec as BumpVec};

/// Memory for the work on one message: handed out piece by piece, freed all at once.
///
/// It has a limit, so that no body and no expression can take more than its share.
pub struct Arena(Bump);

/// Bytes that an arena keeps between two messages at most: enough for nearly every body, so that
/// one huge message does not leave each worker with its size for ever.
const KEPT_MAX: usize = 256 * 1024;

/// The work on one message needed more memory than it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("needs more memory than the {limit} bytes that the work on one message may take")]
pub struct ArenaFull {
    /// The limit, in bytes.
    pub limit: usize,
}

impl Arena {
    /// An arena that hands out at most `limit` bytes (rounded up to its chunk size).
    pub fn with_limit(limit: usize) -> Self {
        let bump = Bump::new();
        bump.set_allocation_limit(Some(limit));
        Self(bump)
    }

    /// Copies `text` into the arena.
    ///
    /// # Errors
    ///
    /// [`ArenaFull`] when the limit is reached; what was handed out stays valid.
    pub fn text<'a>(&'a self, text: &str) -> Result<&'a str, ArenaFull> {
        self.0.try_alloc_str(text).map(|it| &*it).map_err(|_| self.full())
    }

    /// Copies `items` into the arena.
    ///
    /// # Errors
    ///
    /// [`ArenaFull`] when the limit is reached; what was handed out stays valid.
    pub fn slice<'a, T: Copy>(&'a self, items: &[T]) -> Result<&'a [T], ArenaFull> {
        self.0.try_alloc_slice_copy(items).map(|it| &*it).map_err(|_| self.full())
    }

    /// A list that grows in the arena.
    pub fn list<T: Copy>(&self) -> List<'_, T> {
        List { items: BumpVec::new_in(&self.0), arena: self }
    }

    /// A list that grows in the arena, with room for so many items.
    ///
    /// # Errors
    ///
    /// [`ArenaFull`] when the limit is reached.
    pub fn list_for<T: Copy>(&self, items: usize) -> Result<List<'_, T>, ArenaFull> {
        let mut list = self.list();
        list.reserve(items)?;
        Ok(list)
    }

    /// Copies `parts` into the arena as one text.
    ///
    /// # Errors
    ///
    /// [`ArenaFull`] when the limit is reached; what was handed out stays valid.
    pub fn joined<'a>(&'a self, parts: &[&str]) -> Result<&'a str, ArenaFull> {
        let mut bytes = self.list_for(parts.iter().map(|it| it.len()).sum())?;
        for part in parts {
            bytes.extend(part.as_bytes())?;
        }
        // Texts in a row are a text, so this never fails.
        std::str::from_utf8(bytes.finish()).map_err(|_| self.full())
    }

    /// Bytes taken from the system so far.
    pub fn allocated(&self) -> usize {
        self.0.allocated_bytes()
    }

    /// The most that it hands out, in bytes.
    pub fn limit(&self) -> usize {
        self.0.allocation_limit().unwrap_or_default()
    }

    /// Frees everything; a modest chunk is kept for the next message.
    pub fn reset(&mut self) {
        if KEPT_MAX < self.allocated() {
            *self = Self::with_limit(self.limit());
        } else {
            self.0.reset();
        }
    }

    fn full(&self) -> ArenaFull {
        ArenaFull { limit: self.limit() }
    }
}

/// A list that grows in an [`Arena`], within its limit.
pub struct List<'a, T> {
    items: BumpVec<'a, T>,
    arena: &'a Arena,
}

impl<'a, T: Copy> List<'a, T> {
    /// Adds an item at the end.
    ///
    /// # Errors
    ///
    /// [`ArenaFull`] when the limit is reached; the list stays as it was.
    pub fn push(&mut self, item: T) -> Result<(), ArenaFull> {
        if self.items.len() == self.items.capacity() {
            self.reserve(1)?;
        }
        self.items.push(item);
        Ok(())
    }

    /// Adds items at the end.
    ///
    /// # Errors
    ///
    /// [`ArenaFull`] when the limit is reached; the list stays as it was.
    pub fn extend(&mut self, items: &[T]) -> Result<(), ArenaFull> {
        self.reserve(items.len())?;
        self.items.extend_from_slice_copy(items);
        Ok(())
    }

    /// The items so far.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The items, for as long as the arena lives.
    pub fn finish(self) -> &'a [T] {
        self.items.into_bump_slice()
    }

    fn reserve(&mut self, more: usize) -> Result<(), ArenaFull> {
        self.items.try_reserve(more).map_err(|_| self.arena.full())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_grows_within_the_limit_and_stays_whole_at_it() {
        let arena = Arena::with_limit(4096);
        let mut list = arena.list();
        while list.push([7_u64; 4]).is_ok() {}
        assert!(arena.allocated() <= arena.limit());
        let items = list.finish();
        assert!(!items.is_empty() && items.iter().all(|it| *it == [7; 4]));
    }

    #[test]
    fn joined_parts_are_one_text() {
        let arena = Arena::with_limit(4096);
        assert_eq!(arena.joined(&["Rp", "", "é", "1"]), Ok("Rpé1"));
        assert!(arena.joined(&["a"; 5_000]).is_err());
    }
}
