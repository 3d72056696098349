//! `simpul user`: who may log in is said on the command line, and a running bus takes it.

use std::time::{Duration, Instant};

use super::{Running, Scripted};
use crate::command_line::{Said, simpul_with};

const PASSWORD: &str = "kata sandi yang panjang";

async fn user(running: &Running, arguments: &[&str], input: &str) -> Said {
    let project = running.project.path().to_str().unwrap().to_owned();
    let arguments: Vec<_> = arguments.iter().map(|it| (*it).to_owned()).collect();
    let input = input.to_owned();
    let run = move || {
        let mut all = vec!["--project", &project, "user"];
        all.extend(arguments.iter().map(String::as_str));
        simpul_with(&all, &input)
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Logs in once the bus has seen the change, or is refused by then.
async fn comes_in(running: &Running, password: &str, expected: bool) {
    let start = Instant::now();
    while running.log_in("sari", password).await.is_ok() != expected {
        assert!(start.elapsed() < Duration::from_secs(20), "{password} {expected}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_added_comes_in_and_who_is_removed_does_not() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let running = Running::start(Scripted::default()).await;
    let listed = user(&running, &["list"], "").await;
    assert_eq!(listed.out, "nobody may log in yet; `simpul user add` lets somebody\n");

    let add = ["add", "sari", "--name", "Sari Dewi", "--role", "operator", "--route", "sk-mutasi"];
    let added = user(&running, &add, &format!("{PASSWORD}\n")).await;
    assert_eq!(added.code, 0, "{}", added.err);
    assert_eq!(added.out, "user `sari` may log in: operator over route sk-mutasi\n");
    user(&running, &["add", "budi", "--role", "auditor"], PASSWORD).await;
    let listed = user(&running, &["list"], "").await;
    insta::assert_snapshot!(listed.out, @r"
    USER  NAME       MAY
    budi             auditor over everything
    sari  Sari Dewi  operator over route sk-mutasi
    ");
    comes_in(&running, PASSWORD, true).await;

    let other = "kata sandi yang lain sekali";
    assert_eq!(user(&running, &["password", "sari"], other).await.code, 0);
    comes_in(&running, other, true).await;
    assert_eq!(running.log_in("sari", PASSWORD).await, Err(401));
    let json = user(&running, &["list", "--format", "json"], "").await;
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json[1]["grants"][0]["routes"], serde_json::json!(["sk-mutasi"]));
    assert!(!json.to_string().contains("argon2"), "no hash is shown");

    assert_eq!(user(&running, &["remove", "sari"], "").await.code, 0);
    comes_in(&running, other, false).await;
    assert_eq!(user(&running, &["remove", "sari"], "").await.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_user_is_refused_and_changes_nothing() {
    let running = Running::start(Scripted::default()).await;
    let cases: [(&[&str], &str, &str); 6] = [
        (&["add", "Sari", "--role", "viewer"], PASSWORD, "write small letters"),
        (&["add", "sari", "--role", "viewer"], "pendek", "12 characters"),
        (&["add", "sari", "--role", "viewer"], "", "12 characters"),
        (&["add", "sari", "--role", "raja"], PASSWORD, "possible values"),
        (&["add", "sari", "--role", "viewer", "--route", "a b"], PASSWORD, "no name of a route"),
        (&["add", "sari"], PASSWORD, "--role"),
    ];
    for (arguments, input, said) in cases {
        let answer = user(&running, arguments, input).await;
        assert_eq!(answer.code, 2, "{arguments:?}");
        assert!(answer.err.contains(said), "{arguments:?}: {}", answer.err);
    }
    let file = running.project.path().join("data/users.yaml");
    assert!(!file.exists());
    std::fs::write(&file, "users:\n  sari: {}\n").unwrap();
    let broken = user(&running, &["list"], "").await;
    assert_eq!(broken.code, 1);
    assert!(
        broken.err.contains("`password` is missing") || broken.err.contains("S004"),
        "{}",
        broken.err
    );
    assert_eq!(user(&running, &["add", "budi", "--role", "viewer"], PASSWORD).await.code, 2);
}
