//! The files of each generation, kept in the store to be shown.

use std::{collections::BTreeSet, sync::Arc};

use super::{Engine, EngineError, Shared};
use crate::{
    ledger::{FileSet, KeptFile, NewFile, keep_files},
    message::{Digest, Timestamp},
    route::{PlanFile, digest_of_files},
    store::Writes,
};

impl Shared {
    /// Adds to `writes` that generation `generation` has these files.
    pub(super) async fn keep_files(
        &self,
        writes: &mut Writes,
        (generation, at): (i64, Timestamp),
        files: &[PlanFile],
    ) -> Result<(), EngineError> {
        if files.is_empty() {
            return Ok(());
        }
        let latest = self.ledger.file_sets().await?.into_iter().next();
        let known: BTreeSet<[u8; 32]> = match &latest {
            Some(set) => {
                self.ledger.files_of(set.number).await?.iter().map(|it| it.digest.0).collect()
            }
            None => BTreeSet::new(),
        };
        let new: Vec<NewFile<'_>> = files
            .iter()
            .map(|it| NewFile {
                path: &it.path,
                digest: it.digest,
                bytes: it.bytes,
                text: it.text.as_deref(),
            })
            .collect();
        let latest = latest.as_ref().map(|it| (it, &known));
        keep_files(writes, (generation, at), (digest_of_files(files), &new), latest);
        Ok(())
    }
}

impl Engine {
    /// The sets of files that ran, the newest first.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn file_sets(&self) -> Result<Vec<FileSet>, EngineError> {
        Ok(self.shared.ledger.file_sets().await?)
    }

    /// The files of a set, by path.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn files_of(&self, set: i64) -> Result<Vec<KeptFile>, EngineError> {
        Ok(self.shared.ledger.files_of(set).await?)
    }

    /// The texts of a set but for code tables, by path.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn texts_of(&self, set: i64) -> Result<Vec<(String, String)>, EngineError> {
        Ok(self.shared.ledger.texts_of(set).await?)
    }

    /// The text with a digest; nothing where none is kept.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn file_text(&self, digest: Digest) -> Result<Option<Arc<str>>, EngineError> {
        Ok(self.shared.ledger.file_text(digest).await?.map(Into::into))
    }
}
