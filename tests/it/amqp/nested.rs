//! Headers that are tables in tables in tables: the client library reads them by recursion.

use std::fs;

use super::{Foreign, QUEUE, system};
use crate::{
    oracle::raw,
    support::process::{self, Process, until},
};

/// Twenty times what ends a process whose threads have the usual 2 MiB, and what unoptimised code
/// manages in the room that `run` makes; a release manages the 18,000 that fit into a frame.
const LEVELS: usize = 4_000;

#[tokio::test(flavor = "multi_thread")]
async fn headers_in_headers_do_not_end_the_process() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare(QUEUE).await;
    let project = process::project();
    let write = |path: &str, text: String| fs::write(project.path().join(path), text).unwrap();
    write("connectors/absensi.yaml", system(&foreign.url, ""));
    write("routes/uji.yaml", process::ROUTE.replace("asal.data", "absensi.koreksi"));
    let mut bus = Process::start(project.path());

    let url = foreign.url.clone();
    tokio::task::spawn_blocking(move || raw::publish((&url, QUEUE), LEVELS, r#"{"nomor":1}"#))
        .await
        .unwrap();
    foreign.publish(r#"{"nomor":2}"#).await;

    let text = || fs::read_to_string(project.path().join("keluar/arsip.ndjson"));
    until("both to arrive", async || text().is_ok_and(|it| it.lines().count() == 2)).await;
    bus.signal("-TERM");
    assert_eq!(bus.ended(), Some(0));
}
