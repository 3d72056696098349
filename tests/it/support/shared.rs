//! Real data that stands beside the checkout and cannot be shipped with it.

use std::{env, fs, path::PathBuf};

/// The text of a file below `../shared` (or `SIMPUL_SHARED`); `None`, with a word, where it is
/// missing: the test that wants it is skipped.
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
pub(crate) fn shared(path: &str) -> Option<String> {
    let root =
        env::var_os("SIMPUL_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let file = root.join(path);
    let text = fs::read_to_string(&file).ok();
    if text.is_none() {
        eprintln!("skipped: there is no {}", file.display());
    }
    text
}
