//! The texts of the files that a plan was made of, as they are kept for showing what ran when.
//!
//! As they were written: what `${…}` was filled in with does not stand in them, and a secret that
//! stands in a file all the same is starred, as in everything that is shown of it.

use std::{collections::BTreeMap, sync::Arc};

use super::load::Project;
use crate::message::Digest;

/// Bytes of a code table of which the text is kept: of a larger one only that it changed is told.
const TABLE_BYTES_MAX: usize = 256 << 10;

/// A file that a plan was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    /// Its path, as from the project: `routes/sppd-terbit.yaml`.
    pub path: String,
    /// Changes when its text does.
    pub digest: Digest,
    /// How large it is.
    pub bytes: usize,
    /// Its text; nothing of a table that is too large to be shown.
    pub text: Option<Arc<str>>,
}

/// Code tables as they are read: their texts are not kept with those of the other files.
pub(super) type Tables = BTreeMap<String, PlanFile>;

/// A code table.
pub(super) fn table(path: &str, bytes: &[u8]) -> PlanFile {
    let shown = (bytes.len() <= TABLE_BYTES_MAX).then(|| String::from_utf8_lossy(bytes).into());
    PlanFile {
        path: path.to_owned(),
        digest: Digest::of(&[bytes]),
        bytes: bytes.len(),
        text: shown,
    }
}

/// All files of a project that were read, by path.
pub(super) fn all(project: &Project<'_>, tables: Tables) -> Vec<PlanFile> {
    let mut all = tables;
    for (path, text) in project.shared_texts() {
        let digest = Digest::of(&[text.as_bytes()]);
        let (bytes, text) = (text.len(), Some(Arc::clone(text)));
        all.insert(path.to_owned(), PlanFile { path: path.to_owned(), digest, bytes, text });
    }
    all.into_values().collect()
}

/// One digest of all of them: two sets of files that have the same are the same.
pub fn digest_of_files(files: &[PlanFile]) -> Digest {
    let parts: Vec<&[u8]> =
        files.iter().flat_map(|it| [it.path.as_bytes(), it.digest.0.as_slice()]).collect();
    Digest::of(&parts)
}
