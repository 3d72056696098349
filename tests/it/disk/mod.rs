//! The disk below the embedded store: full, failing, torn by a power cut, damaged. Whatever it does,
//! what was accepted is there, or somebody is told what is not.

mod damage;
mod failing;
mod full;
mod images;
mod record;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The library that stands between a program and its files (`shim.c`), compiled once; `None`, with
/// a word, where there is no C compiler or no way to put it there.
fn shim() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build).as_deref()
}

fn build() -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        return skipped("the shim is for Linux");
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = folder.join(format!("disk-shim-{}.so", std::process::id()));
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(&library)
        .args(["tests/it/disk/shim.c", "-ldl"])
        .output();
    match built {
        Ok(output) if output.status.success() => Some(library),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => skipped(&format!("no C compiler: {error}")),
    }
}

#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
fn skipped<T>(why: &str) -> Option<T> {
    eprintln!("skipped: {why}");
    None
}

#[expect(clippy::print_stderr, reason = "figures for those who look")]
fn told(figures: &str) {
    eprintln!("{figures}");
}

/// A disk of its own, a few MiB large, in memory.
pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, with a word, where nothing may be mounted.
    pub(crate) fn mount(mebibytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={mebibytes}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "simpul-test"]).arg(folder.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self(folder)),
            _ => skipped("no small disk can be mounted here"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes room away until so many bytes are left.
    pub(crate) fn leave(&self, bytes: u64) {
        let told = rustix::fs::statvfs(self.path()).unwrap();
        let free = told.f_bavail * told.f_frsize;
        let ballast = self.path().join("ballast");
        let file = std::fs::File::create(ballast).unwrap();
        rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, free - bytes).unwrap();
    }

    /// Gives it back.
    pub(crate) fn clear(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
