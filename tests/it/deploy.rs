//! What stands in `deploy/`: it names what is there, and locks out what it need not have.

use std::{path::Path, process::Command};

use serde_json::Value;

/// The most exposure that `systemd-analyze security` may find, in tenths: see docs/deploy.md.
const EXPOSURE_MAX: u64 = 15;

fn yaml(path: &str) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The names of volumes, and the paths of what is bound.
fn mounts(compose: &Value) -> Vec<(&str, &str)> {
    let services = compose["services"].as_object().unwrap();
    let all = services.iter().flat_map(|(name, it)| {
        texts(&it["volumes"]).into_iter().map(move |volume| (name.as_str(), volume))
    });
    all.map(|(name, volume)| (name, volume.split(':').next().unwrap())).collect()
}

#[test]
fn everything_that_the_compose_file_mounts_is_there() {
    let compose = yaml("deploy/compose.yml");
    let (mut bound, mut named) = (0, 0);
    for (service, source) in mounts(&compose) {
        if source.starts_with("${") {
            continue;
        }
        if source.starts_with('.') {
            let path = Path::new("deploy").join(source);
            assert!(path.exists(), "{service} mounts {}, which is not there", path.display());
            bound += 1;
        } else {
            assert!(compose["volumes"].get(source).is_some(), "{service}: no volume {source}");
            named += 1;
        }
    }
    assert!(8 < bound && 4 < named, "{bound} bound, {named} named");
    let build = &compose["services"]["simpul"]["build"];
    let context = Path::new("deploy").join(build["context"].as_str().unwrap());
    assert!(context.join(build["dockerfile"].as_str().unwrap()).is_file());
}

#[test]
fn every_service_that_another_waits_for_says_whether_it_is_well() {
    let compose = yaml("deploy/compose.yml");
    let services = compose["services"].as_object().unwrap();
    for (name, service) in services {
        for waits_for in service["depends_on"].as_object().into_iter().flatten().map(|it| it.0) {
            let other = services.get(waits_for).unwrap_or_else(|| panic!("{name}: {waits_for}"));
            assert!(other.get("healthcheck").is_some(), "{waits_for} has no healthcheck");
        }
    }
}

/// Each `${NAME}` of the compose file stands in the example of its environment, and the other way
/// round.
#[test]
fn the_example_of_the_environment_names_every_variable() {
    let compose = std::fs::read_to_string("deploy/compose.yml").unwrap();
    let lines = compose.lines().filter(|it| !it.trim_start().starts_with('#'));
    let mut wanted: Vec<_> = lines
        .flat_map(|it| it.split("${").skip(1))
        .map(|it| it.split([':', '}']).next().unwrap())
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let example = std::fs::read_to_string("deploy/compose.env.example").unwrap();
    let lines = example.lines().filter(|it| !it.starts_with('#'));
    let mut named: Vec<_> = lines.filter_map(|it| it.split_once('=')).map(|it| it.0).collect();
    named.sort_unstable();
    assert_eq!(wanted, named);
}

#[test]
fn nothing_is_published_beyond_this_machine() {
    let compose = yaml("deploy/compose.yml");
    for (name, service) in compose["services"].as_object().unwrap() {
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
    }
}

/// The image has what the compose file and the manual rely on.
#[test]
fn the_image_runs_as_an_account_of_its_own() {
    let text = std::fs::read_to_string("deploy/Dockerfile").unwrap();
    let has = |line: &str| text.lines().any(|it| it.starts_with(line));
    for line in ["USER 10001", "HEALTHCHECK ", "STOPSIGNAL SIGTERM", "VOLUME ", "ENTRYPOINT "] {
        assert!(has(line), "no {line}");
    }
    let rust = text.lines().find_map(|it| it.strip_prefix("FROM rust:")).unwrap();
    let wanted = std::fs::read_to_string("Cargo.toml").unwrap();
    let wanted = wanted.lines().find_map(|it| it.strip_prefix("rust-version = \"")).unwrap();
    let wanted = wanted.trim_end_matches('"');
    assert!(rust.starts_with(wanted), "the image is built with {rust}, Cargo.toml says {wanted}");
}

#[expect(clippy::print_stdout, reason = "a test that did not run must not look like one")]
fn skipped(why: &str) {
    println!("skipped: {why}");
}

fn systemd_analyze(arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new("systemd-analyze").args(arguments).output();
    let Ok(output) = output else {
        skipped("there is no `systemd-analyze` (Debian: apt-get install systemd)");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn systemd_understands_the_unit() {
    let Some((_, said)) = systemd_analyze(&["verify", "deploy/simpul.service"]) else { return };
    // The program is not installed where tests run.
    let told: Vec<_> = said.lines().filter(|it| !it.contains("is not executable")).collect();
    let about_it: Vec<_> = told.iter().filter(|it| it.contains("simpul.service")).collect();
    assert!(about_it.is_empty(), "{about_it:#?}");
}

#[test]
fn systemd_finds_the_unit_well_locked() {
    let asked = ["security", "--offline=yes", "--no-pager", "deploy/simpul.service"];
    let Some((_, said)) = systemd_analyze(&asked) else { return };
    let Some(level) = said.lines().find_map(|it| it.split_once("simpul.service: ")) else {
        skipped(&format!("this systemd-analyze judges no files: {said}"));
        return;
    };
    let level = level.1.split_whitespace().next().unwrap();
    let tenths: u64 = level.replace('.', "").parse().unwrap();
    assert!(tenths <= EXPOSURE_MAX, "{said}");
    let manual = std::fs::read_to_string("docs/deploy.md").unwrap();
    assert!(manual.contains(&format!("exposure level {level}")), "docs/deploy.md: not {level}");
}
