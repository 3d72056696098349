//! A store that is no store: the bus does not start, says why, and leaves everything as it was.

use std::fs;

use crate::support::process::{Process, command, project};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_none_stops_the_start_and_is_left_as_it_is() {
    let valid = {
        let project = project();
        let mut process = Process::start(project.path());
        process.signal("-TERM");
        assert_eq!(process.ended(), Some(0));
        fs::read(project.path().join("data/simpul.db")).unwrap()
    };
    let mut torn = valid.clone();
    torn.truncate(valid.len() / 2);
    let mut scribbled = valid;
    scribbled[..100].fill(0xff);
    for (what, bytes) in [
        ("a text", b"bukan basis data\n".repeat(500)),
        ("torn", torn),
        ("scribbled over", scribbled),
    ] {
        let project = project();
        let file = project.path().join("data/simpul.db");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &bytes).unwrap();
        let output = command(project.path()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{what}: {said}");
        assert!(said.contains("error: store: "), "{what}: {said}");
        assert!(said.contains("restore a backup"), "{what}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
        assert!(fs::read(&file).unwrap() == bytes, "{what}: the file was changed");
    }
}
