//! The folder that the bus of the demonstration runs in: the project's own files, which the binary
//! carries with it, settings with short pauses, and passwords.

use std::{
    fs, io,
    net::TcpListener,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{CouldNot, random::Random};

/// The project's files, as they stood when the binary was built. A test holds this list against the
/// folders.
const FILES: &[(&str, &str)] = &[
    ("routes/hasil-tps.yaml", include_str!("../../../routes/hasil-tps.yaml")),
    ("routes/sk-mutasi.yaml", include_str!("../../../routes/sk-mutasi.yaml")),
    ("routes/sppd-terbit.yaml", include_str!("../../../routes/sppd-terbit.yaml")),
    ("connectors/arsip.yaml", include_str!("../../../connectors/arsip.yaml")),
    ("connectors/bawaslu.yaml", include_str!("../../../connectors/bawaslu.yaml")),
    ("connectors/e-absensi.yaml", include_str!("../../../connectors/e-absensi.yaml")),
    ("connectors/e-agenda.yaml", include_str!("../../../connectors/e-agenda.yaml")),
    ("connectors/e-sppd.yaml", include_str!("../../../connectors/e-sppd.yaml")),
    ("connectors/ppid.yaml", include_str!("../../../connectors/ppid.yaml")),
    ("connectors/simpeg.yaml", include_str!("../../../connectors/simpeg.yaml")),
    ("connectors/sirekap.yaml", include_str!("../../../connectors/sirekap.yaml")),
    ("connectors/tabulasi.yaml", include_str!("../../../connectors/tabulasi.yaml")),
    ("schemas/dinas-luar.schema.json", include_str!("../../../schemas/dinas-luar.schema.json")),
    ("schemas/hasil-tps.schema.json", include_str!("../../../schemas/hasil-tps.schema.json")),
    ("schemas/naskah.schema.json", include_str!("../../../schemas/naskah.schema.json")),
    ("schemas/sk-mutasi.schema.json", include_str!("../../../schemas/sk-mutasi.schema.json")),
    ("schemas/sppd.schema.json", include_str!("../../../schemas/sppd.schema.json")),
    ("tables/jenis-mutasi.csv", include_str!("../../../tables/jenis-mutasi.csv")),
    ("tables/wilayah.csv", include_str!("../../../tables/wilayah.csv")),
];

/// The settings and the system file of a demonstration on RabbitMQ find its address here.
pub(super) const BROKER_VARIABLE: &str = "RABBITMQ_URL";

/// The personnel system where it publishes to a queue, in place of the file that ships.
const SIMPEG_ON_AMQP: (&str, &str) = ("connectors/simpeg.yaml", include_str!("simpeg-amqp.yaml"));

/// The text of one of the project's files.
pub(super) fn shipped(path: &str) -> Option<&'static str> {
    FILES.iter().find(|(name, _)| *name == path).map(|(_, text)| *text)
}

/// A folder of files for the bus. Removed when dropped, unless it is to be kept.
pub(super) struct Project {
    folder: PathBuf,
    kept: bool,
    /// Where the bus listens for systems: `127.0.0.1:20001`.
    pub(super) listen: String,
    /// Where the bus listens for operators.
    pub(super) ops: String,
}

impl Project {
    /// Makes the folder, and everything in it but the passwords: for a bus whose messages wait in
    /// its store, or at a RabbitMQ.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when the folder cannot be written, or no port is free.
    pub(super) fn create(on_rabbitmq: bool) -> Result<Self, CouldNot> {
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(|error| CouldNot(format!("no randomness: {error}")))?;
        let name = u64::from_le_bytes(name);
        let folder = std::env::temp_dir().join(format!("simpul-demo-{name:016x}"));
        let failed = |error| CouldNot(format!("cannot write `{}`: {error}", folder.display()));
        // Only for this account: it will hold passwords.
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(failed)?;
        let [listen, ops] = free_ports(&mut Random::new(name))?;
        let (listen, ops) = (format!("127.0.0.1:{listen}"), format!("127.0.0.1:{ops}"));
        let project = Self { folder, kept: false, listen, ops };
        for (path, text) in FILES.iter().chain(on_rabbitmq.then_some(&SIMPEG_ON_AMQP)) {
            project.write(path, text)?;
        }
        let broker =
            if on_rabbitmq { format!("${{env:{BROKER_VARIABLE}}}") } else { "embedded".into() };
        project.write("simpul.yaml", &settings(&project.listen, &project.ops, &broker))?;
        project.write("secrets/hash-key", &format!("kunci-{name:016x}"))?;
        Ok(project)
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leaves the folder there when this is dropped.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// Writes a file, replacing it in one step.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when it cannot be written.
    pub(super) fn write(&self, path: &str, text: &str) -> Result<(), CouldNot> {
        let whole = self.folder.join(path);
        let fresh = whole.with_extension("new");
        let written = || -> io::Result<()> {
            if let Some(parent) = whole.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut options = fs::OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            io::Write::write_all(&mut file, text.as_bytes())?;
            fs::rename(&fresh, &whole)
        };
        written().map_err(|error| CouldNot(format!("cannot write `{}`: {error}", whole.display())))
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Ports outside the range from which systems take those of outgoing calls: the bus must get the
/// same port again after a crash, and a call must not have taken it meanwhile.
const PORTS: std::ops::RangeInclusive<u64> = 20_000..=31_999;

/// Ports that are tried before giving up.
const TRIES: usize = 200;

fn free_ports(random: &mut Random) -> Result<[u16; 2], CouldNot> {
    let mut free = || {
        (0..TRIES).find_map(|_| {
            let port = u16::try_from(random.between(*PORTS.start(), *PORTS.end())).ok()?;
            TcpListener::bind(("127.0.0.1", port)).ok().map(|it| (port, it))
        })
    };
    // Both are held until both are known, so that they differ.
    match (free(), free()) {
        (Some((first, _held)), Some((second, _also))) => Ok([first, second]),
        _ => Err(CouldNot("no free port on 127.0.0.1".to_owned())),
    }
}

/// Settings with pauses short enough to watch, and without the senders' rate limit.
fn settings(listen: &str, ops: &str, broker: &str) -> String {
    format!(
        "# Made by `simpul demo`: pauses are short, so that one can watch.\n\
         listen: {listen}\n\
         ops: {ops}\n\
         broker: {broker}\n\
         store: ./data\n\
         limits: {{ body: 1MiB, depth: 64, rate: 5000/s, prefetch: 500 }}\n\
         retry:\n  standard: {{ first: 200ms, factor: 2, max: 2s, give_up: 1h }}\n\
         hash_key: ${{file:secrets/hash-key}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_carries_every_file_of_the_project() {
        let mut there = Vec::new();
        for folder in ["routes", "connectors", "schemas", "tables"] {
            for entry in fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                if !name.contains(".test.") {
                    there.push(format!("{folder}/{name}"));
                }
            }
        }
        there.sort();
        let mut carried: Vec<_> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        carried.sort();
        assert_eq!(carried, there);
    }

    #[test]
    fn the_folder_goes_with_the_project_unless_it_is_kept() {
        let project = Project::create(false).unwrap();
        let folder = project.folder().to_owned();
        project.write("secrets/arsip-token", "rahasia").unwrap();
        assert_eq!(fs::read_to_string(folder.join("secrets/arsip-token")).unwrap(), "rahasia");
        assert!(folder.join("routes/hasil-tps.yaml").exists());
        assert_ne!(project.listen, project.ops);
        drop(project);
        assert!(!folder.exists());
    }
}
