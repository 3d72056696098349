//! The files of a revision in git, in a directory of their own for as long as they are looked at.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Component, Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{cli::CouldNot, route::FOLDERS};

/// Bytes of a file that is taken out of a revision: those of the largest code table.
const FILE_BYTES_MAX: u64 = crate::table::BYTES_MAX as u64;

/// Bytes of the line that git writes before the content of a file.
const HEADER_BYTES_MAX: u64 = 4096;

/// A project to compare with.
pub(super) struct Checkout {
    directory: PathBuf,
    /// Whether it was made here, and goes away with this.
    made: bool,
}

impl Checkout {
    /// A directory that stands there.
    pub(super) fn of(directory: PathBuf) -> Self {
        Self { directory, made: false }
    }

    /// The project's files as a revision has them.
    ///
    /// # Errors
    ///
    /// There is no git, no repository, or no such revision.
    pub(super) fn revision(project: &Path, revision: &str) -> Result<Self, CouldNot> {
        // Read as a revision alone: a name that begins with `-` would be an option.
        if revision.is_empty() || revision.starts_with('-') {
            return Err(CouldNot(format!("`{revision}` is no revision")));
        }
        let commit = format!("{revision}^{{commit}}");
        let commit =
            git(project, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])
                .map_err(|_| CouldNot(format!("git knows no revision `{revision}` here")))?;
        let commit = commit.trim().to_owned();
        let mut listing = vec!["ls-tree", "-r", "-z", "--name-only", &commit, "--", "simpul.yaml"];
        listing.extend(FOLDERS);
        let paths = git(project, &listing)?;
        let name = format!("simpul-impact-{}", std::process::id());
        let checkout = Self { directory: std::env::temp_dir().join(name), made: true };
        checkout.fill(project, &commit, &paths).map_err(|error| {
            CouldNot(format!("the files of `{revision}` cannot be taken out: {error}"))
        })?;
        Ok(checkout)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn fill(&self, project: &Path, commit: &str, paths: &str) -> std::io::Result<()> {
        // Not there before: nobody else's files are read, or written over.
        fs::create_dir(&self.directory)?;
        let mut git = Command::new("git")
            .arg("-C")
            .arg(project)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let result = self.take(&mut git, commit, paths);
        // Ends by itself once its input is closed.
        drop(git.stdin.take());
        git.wait()?;
        result
    }

    fn take(&self, git: &mut Child, commit: &str, paths: &str) -> std::io::Result<()> {
        let missing = || std::io::Error::other("git has no input or output");
        let mut input = git.stdin.take().ok_or_else(missing)?;
        let mut output = BufReader::new(git.stdout.take().ok_or_else(missing)?);
        for path in paths.split('\0').filter(|it| !it.is_empty() && is_inside(it)) {
            // `./` is the directory that git was started in, which may be deep in its repository.
            writeln!(input, "{commit}:./{path}")?;
            input.flush()?;
            let mut header = String::new();
            output.by_ref().take(HEADER_BYTES_MAX).read_line(&mut header)?;
            let Some(size) =
                header.strip_suffix('\n').and_then(|it| it.rsplit(' ').next()?.parse().ok())
            else {
                return Err(std::io::Error::other(format!("{path}: {}", header.trim())));
            };
            if FILE_BYTES_MAX < size {
                return Err(std::io::Error::other(format!("{path} is too large")));
            }
            let mut content = Vec::new();
            output.by_ref().take(size + 1).read_to_end(&mut content)?;
            // The line end behind the content.
            content.pop();
            let file = self.directory.join(path);
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(file, content)?;
        }
        Ok(())
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if self.made {
            // What cannot be removed is in the directory for temporary files, and small.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// Whether a path stays in its directory, and can be asked for on one line.
fn is_inside(path: &str) -> bool {
    let plain = |it| matches!(it, Component::Normal(_));
    Path::new(path).components().all(plain) && !path.contains('\n')
}

fn git(project: &Path, arguments: &[&str]) -> Result<String, CouldNot> {
    let output = Command::new("git").arg("-C").arg(project).args(arguments).output();
    let output = output.map_err(|error| CouldNot(format!("`git` cannot be started: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(CouldNot(format!("git: {}", said.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
