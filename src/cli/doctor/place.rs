//! What is on this machine: the bus, if it runs, the disk, and the store on it.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use super::Line;
use crate::{
    cli::{
        client::Client,
        screen::{counted, size},
        settings::Settings,
    },
    store::{Disk, Inspection, disk_of},
};

/// How often the disk is asked to write a page down; the middle of the times is told.
const SYNCS: usize = 5;

/// Above this every message feels it.
const SYNC_SLOW: Duration = Duration::from_millis(50);

/// The largest store whose pages are all looked at: a second or two.
const LOOKED_THROUGH_MAX: u64 = 256 << 20;

/// Whether a bus runs on the store, and what it says of itself.
pub(super) async fn bus(settings: &Settings, lines: &mut Vec<Line>) -> bool {
    let client = match Client::connect(&settings.store) {
        Ok(Some(client)) => client,
        Ok(None) => {
            lines.push(Line::ok("bus", "does not run"));
            return false;
        }
        Err(error) => {
            let todo = "call it as the account that runs the bus";
            lines.push(Line::fail("bus", error.0, todo));
            return true;
        }
    };
    match client.health().await {
        Ok(None) => lines.push(Line::ok("bus", "runs, and takes and delivers messages")),
        Ok(Some(reason)) => lines.push(Line::fail(
            "bus",
            format!("runs, and is not ready: {reason}"),
            "the lines below and its log say more",
        )),
        Err(_) => {
            lines.push(Line::ok("bus", "does not run; the last one ended without a stop"));
            return false;
        }
    }
    true
}

/// How much room there is, and how fast it is.
pub(super) fn disk(settings: &Settings, lines: &mut Vec<Line>) {
    let directory = &settings.store;
    let shown = directory.display();
    let existing = directory.ancestors().find(|it| it.is_dir()).unwrap_or(Path::new("."));
    match disk_of(existing, settings.disk_low) {
        Ok(Disk { free, low, is_low }) => {
            let what = format!("{} free for `{shown}`", size(free));
            let limit = format!("nothing is accepted below {}", size(low));
            lines.push(match is_low {
                true => Line::fail("disk", format!("{what}, and {limit}"), "make room"),
                false if free / 2 < low => Line::warn(
                    "disk",
                    format!("{what}; {limit} (`limits: disk_low`)"),
                    "make room before it is needed",
                ),
                false => Line::ok("disk", format!("{what}; {limit}")),
            });
        }
        Err(error) => {
            let todo = "look whether it is mounted";
            lines.push(Line::fail("disk", format!("`{shown}`: {error}"), todo));
        }
    }
    if !directory.is_dir() {
        lines.push(Line::ok("disk", format!("`{shown}` is not there yet; `simpul run` makes it")));
        return;
    }
    lines.extend(access(directory));
    lines.push(match sync_time(directory) {
        Ok(time) => {
            let what = format!("a write is safe on it after {:.1} ms", time.as_secs_f64() * 1e3);
            match time < SYNC_SLOW {
                true => Line::ok("disk", what),
                false => Line::warn("disk", what, "every message waits for that: a faster disk"),
            }
        }
        Err(error) => Line::fail(
            "disk",
            format!("nothing can be written to `{shown}`: {error}"),
            "give it to the account that runs the bus, and call the doctor as that account",
        ),
    });
}

/// Bodies of messages stand in the store as they came.
fn access(directory: &Path) -> Option<Line> {
    let mode = directory.metadata().ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let shown = directory.display();
        let what = format!("`{shown}` can be looked into by other accounts (mode {mode:04o})");
        Line::warn("disk", what, format!("`chmod 700 {shown}`"))
    })
}

/// How long a page takes to be safe on the disk.
fn sync_time(directory: &Path) -> io::Result<Duration> {
    let path = directory.join(format!("doctor.{}", std::process::id()));
    let measured = measure(&path);
    let _ = fs::remove_file(&path);
    measured
}

fn measure(path: &Path) -> io::Result<Duration> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let started = Instant::now();
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(SYNCS / 2).copied().unwrap_or_default())
}

/// Whether the store can be opened, and is sound as far as a short look tells.
pub(super) fn store(settings: &Settings, is_running: bool, lines: &mut Vec<Line>) {
    let database = settings.store.join("simpul.db");
    let (None, Ok(metadata)) = (&settings.database, database.metadata()) else { return };
    let size = size(metadata.len());
    if is_running {
        let how = "`simpul store backup DIR` checks it while the bus runs";
        lines.push(Line::ok("store", format!("{size}, in use ({how})")));
        return;
    }
    let store = match Inspection::open(&settings.store) {
        Ok(store) => store,
        Err(error) => {
            lines.push(Line::fail("store", error.reason, "see `simpul store check`"));
            return;
        }
    };
    if LOOKED_THROUGH_MAX < metadata.len() {
        let what = format!("{size}, can be opened (`simpul store check` reads all of it)");
        lines.push(Line::ok("store", what));
        return;
    }
    lines.push(match store.files().as_slice() {
        [] => Line::ok("store", format!("{size}, its pages are sound")),
        found => Line::fail(
            "store",
            counted(found.len() as u64, "finding in its pages", "findings in its pages"),
            "`simpul store check` says what is lost, and what to do",
        ),
    });
}
