//! Each role is refused everything that is not its own, over the API and over the console: every call
//! and every page there is.

use std::{collections::BTreeSet, sync::LazyLock};

use simpul::ops::{CALLS, PAGES, access::password};

use super::{Running, Scripted};

/// The password of everybody.
pub(super) const PASSWORD: &str = "kata sandi yang panjang";

/// Users of each role over everything, and of some over a part: of a route or a system of the dead
/// letters, and of others.
pub(super) static USERS: LazyLock<String> = LazyLock::new(|| {
    let hash = password::hash(PASSWORD).unwrap().to_text();
    let grants = [
        ("viewer", "{ role: viewer }"),
        ("operator", "{ role: operator }"),
        ("auditor", "{ role: auditor }"),
        ("admin", "{ role: admin }"),
        ("nobody", ""),
        ("of-route", "{ role: operator, routes: [sk-mutasi] }"),
        ("of-system", "{ role: operator, systems: [arsip] }"),
        ("of-others", "{ role: admin, routes: [lain], systems: [e-absensi] }"),
    ];
    let user = |(name, grants): (&str, &str)| {
        format!("  {name}:\n    password: {hash}\n    grants: [{grants}]\n")
    };
    format!("users:\n{}", grants.map(user).concat())
});

const ROLES: [(char, &str); 5] =
    [('v', "viewer"), ('o', "operator"), ('r', "auditor"), ('a', "admin"), ('n', "nobody")];

const NAMED: &str = r#"{"selection":{"ids":[17]},"reason":"uji"}"#;
const JOB: &str = r#"{"kind":"replay","selection":{"all":true},"count":99211,"reason":"uji"}"#;
const WHY: &str = r#"{"reason":"uji"}"#;
const PAUSE: &str = r#"{"target":"arsip.simpan","reason":"uji"}"#;
const KEY: &str = r#"{"target":"arsip.simpan","key":"12/SPD"}"#;
const TRACE: &str = "/messages/07070707-0707-0707-0707-070707070707/trace";

const BODIES: &str = "/messages/07070707-0707-0707-0707-070707070707/bodies";

const EXPLAIN: &str = "/messages/07070707-0707-0707-0707-070707070707/explain?route=sk-mutasi";

/// Each call of the table: its method and path there, as it is made, with what, and which roles may
/// make it: viewer, operator, auditor, admin, nobody in particular.
pub(super) const MAY: &[(&str, &str, &str, &str, &str)] = &[
    ("GET", "/openapi.json", "/openapi.json", "", "voran"),
    ("POST", "/sessions", "/sessions", "{}", "voran"),
    ("GET", "/sessions/current", "/sessions/current", "", "voran"),
    ("GET", "/status", "/status", "", "vora"),
    ("GET", "/needs", "/needs", "", "vora"),
    ("GET", "/counts", "/counts?stretch=day&route=sk-mutasi", "", "vora"),
    ("GET", "/systems", "/systems", "", "vora"),
    ("GET", "/files", "/files", "", "vora"),
    ("GET", "/files/{set}", "/files/1", "", "vora"),
    ("GET", "/dead", "/dead", "", "vora"),
    ("GET", "/dead/groups", "/dead/groups", "", "vora"),
    ("GET", "/dead/count", "/dead/count?route=sk-mutasi", "", "vora"),
    ("POST", "/dead/replay", "/dead/replay", NAMED, "oa"),
    ("POST", "/dead/discard", "/dead/discard", NAMED, "oa"),
    ("GET", "/dead/jobs", "/dead/jobs", "", "vora"),
    ("POST", "/dead/jobs", "/dead/jobs", JOB, "oa"),
    ("GET", "/dead/jobs/{id}", "/dead/jobs/7", "", "vora"),
    ("POST", "/dead/jobs/{id}/cancel", "/dead/jobs/7/cancel", WHY, "oa"),
    ("POST", "/dead/jobs/{id}/approve", "/dead/jobs/7/approve", WHY, "oa"),
    ("GET", "/dead/{id}", "/dead/17", "", "vora"),
    ("GET", "/dead/{id}", "/dead/17?body=true", "", "oa"),
    ("GET", "/dead/{id}/message", "/dead/17/message", "", "oa"),
    ("GET", "/dead/{id}/preview", "/dead/17/preview", "", "oa"),
    ("GET", "/pauses", "/pauses", "", "vora"),
    ("POST", "/pauses", "/pauses", PAUSE, "oa"),
    ("DELETE", "/pauses/{target}", "/pauses/arsip.simpan", "", "oa"),
    ("POST", "/keys/resume", "/keys/resume", KEY, "oa"),
    ("GET", "/plan", "/plan", "", "a"),
    ("POST", "/reload", "/reload", "", "a"),
    ("GET", "/messages", "/messages?key=x", "", "vora"),
    ("GET", "/messages/{id}/trace", TRACE, "", "vora"),
    ("GET", "/messages/{id}/explain", EXPLAIN, "", "oa"),
    ("GET", "/messages/{id}/bodies", BODIES, "", "oa"),
    ("GET", "/events", "/events", "", "vora"),
    ("GET", "/actions", "/actions", "", "ra"),
    // Last: it is the end of the session.
    ("DELETE", "/sessions/current", "/sessions/current", "", "voran"),
];

const WHY_FORM: &str = "reason=uji";
/// The digest of no files at all, which are those that the script has.
const SEEN: &str = "seen=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const GROUP: &str = "/console/dead/groups/5d1f0c6be2a94873";

/// Each page of the table, in the same way.
const PAGES_MAY: &[(&str, &str, &str, &str, &str)] = &[
    ("GET", "/console", "/console", "", "vora"),
    ("GET", "/console/routes", "/console/routes", "", "vora"),
    ("GET", "/console/routes/{route}", "/console/routes/sk-mutasi", "", "vora"),
    ("GET", "/console/targets/{target}", "/console/targets/arsip.simpan", "", "vora"),
    (
        "POST",
        "/console/targets/{target}/pause",
        "/console/targets/arsip.simpan/pause",
        WHY_FORM,
        "oa",
    ),
    ("POST", "/console/targets/{target}/resume", "/console/targets/arsip.simpan/resume", "", "oa"),
    ("GET", "/console/systems", "/console/systems", "", "vora"),
    ("GET", "/console/systems/{system}", "/console/systems/arsip", "", "vora"),
    ("GET", "/console/files", "/console/files", "", "vora"),
    ("GET", "/console/files", "/console/files?disk=1", "", "a"),
    ("GET", "/console/files/{*path}", "/console/files/routes/sk-mutasi.yaml", "", "vora"),
    ("POST", "/console/files/reload", "/console/files/reload", SEEN, "a"),
    ("GET", "/console/messages", "/console/messages?q=800/12", "", "vora"),
    (
        "GET",
        "/console/messages/{id}",
        "/console/messages/07070707-0707-0707-0707-070707070707",
        "",
        "vora",
    ),
    ("GET", "/console/dead", "/console/dead", "", "vora"),
    ("GET", "/console/dead/{id}", "/console/dead/17", "", "vora"),
    ("GET", "/console/dead/{id}", "/console/dead/17?body=1", "", "oa"),
    ("GET", "/console/dead/{id}", "/console/dead/17?preview=1", "", "oa"),
    ("POST", "/console/dead/{id}", "/console/dead/17", "what=replay&reason=uji", "oa"),
    ("POST", "/console/dead/{id}", "/console/dead/17", "what=discard&reason=uji", "oa"),
    ("GET", "/console/dead/groups/{name}", GROUP, "", "vora"),
    ("POST", "/console/dead/groups/{name}", GROUP, "what=replay&count=99211&reason=uji", "oa"),
    ("POST", "/console/dead/groups/{name}", GROUP, "what=preview", "oa"),
    ("GET", "/console/jobs", "/console/jobs", "", "vora"),
    ("GET", "/console/jobs/{id}", "/console/jobs/7", "", "vora"),
    ("POST", "/console/jobs/{id}", "/console/jobs/7", "what=replay&reason=uji", "oa"),
    ("GET", "/console/live/{route}", "/console/live/sk-mutasi", "", "vora"),
    ("GET", "/console/live/{route}/stream", "/console/live/sk-mutasi/stream", "", "vora"),
    ("GET", "/console/actions", "/console/actions", "", "ra"),
    ("POST", "/console/logout", "/console/logout", "", "voran"),
];

async fn running() -> Running {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Running::with_users(Scripted::default(), &USERS).await
}

#[test]
fn no_call_and_no_page_is_forgotten_below() {
    let of = |table: &[(&'static str, &'static str, &str, &str, &str)]| -> BTreeSet<_> {
        table.iter().map(|(method, path, ..)| (*method, *path)).collect()
    };
    let known = |table: &[simpul::ops::Call]| -> BTreeSet<_> {
        table.iter().map(|it| (it.method, it.path)).collect()
    };
    assert_eq!(of(MAY), known(CALLS));
    assert_eq!(of(PAGES_MAY), known(PAGES));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_refused_every_call_that_is_not_its_own() {
    let running = running().await;
    for (letter, user) in ROLES {
        let token = running.log_in(user, PASSWORD).await.unwrap();
        running.told();
        for (method, _, path, body, may) in MAY {
            let path = format!("/api/v1{path}");
            let (status, answer) = running.call(method, &path, Some(&token), body).await;
            let what = format!("{user}: {method} {path}: {status} {answer}");
            let refused = status == 403;
            assert_eq!(refused, !may.contains(letter), "{what}");
            assert_ne!(status, 401, "{what}");
            let told = running.told();
            assert!(!refused || told.is_empty(), "{what}: but {told:?}");
        }
        let (status, _) = running.call("GET", "/api/v1/status", Some(&token), "").await;
        assert_eq!(status, 401, "{user} has logged out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_is_not_known_may_make_any_call_but_the_one_that_lets_him_in() {
    let running = running().await;
    for (method, path, as_made, body, _) in
        MAY.iter().filter(|it| !["/sessions", "/openapi.json"].contains(&it.1))
    {
        for token in [None, Some(""), Some("salah")] {
            let as_made = format!("/api/v1{as_made}");
            let (status, answer) = running.call(method, &as_made, token, body).await;
            assert_eq!(status, 401, "{method} {path}: {answer}");
        }
    }
    assert_eq!(running.told(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_refused_every_page_that_is_not_its_own() {
    let running = running().await;
    for (letter, user) in ROLES {
        let mut browser = running.browser();
        browser.log_in(user, PASSWORD).await;
        for (method, _, path, fields, may) in PAGES_MAY {
            let answer = browser.visit(method, path, fields).await;
            let what = format!("{user}: {method} {path}: {} {}", answer.status, answer.text);
            assert_eq!(answer.status == 403, !may.contains(letter), "{what}");
            // A job that nobody ordered yet; a journal that a scripted bus has not.
            assert!(answer.status < 400 || matches!(answer.status, 403 | 404 | 503), "{what}");
        }
    }
    for (method, path, as_made, fields, _) in PAGES_MAY {
        let answer = running.browser().visit(method, as_made, fields).await;
        assert_eq!(answer.status, 303, "{method} {path}");
        assert!(answer.to.starts_with("/console/login"), "{method} {path}: {}", answer.to);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_part_sees_and_touches_nothing_else() {
    let running = running().await;
    let calls: &[(&str, &str, &str)] = &[
        ("GET", "/dead", ""),
        ("GET", "/dead/groups", ""),
        ("GET", "/dead/17", ""),
        ("GET", "/dead/17?body=true", ""),
        ("GET", "/dead/17/message", ""),
        ("GET", "/dead/17/preview", ""),
        ("POST", "/dead/replay", NAMED),
        ("POST", "/dead/jobs", JOB),
        (
            "POST",
            "/dead/jobs",
            r#"{"kind":"replay","selection":{"route":"sk-mutasi"},"count":99211,"reason":"x"}"#,
        ),
        (
            "POST",
            "/dead/jobs",
            r#"{"kind":"discard","selection":{"target":"arsip.simpan"},"count":99211,"reason":"x"}"#,
        ),
        (
            "POST",
            "/dead/jobs",
            r#"{"kind":"replay","selection":{"group":"5d1f0c6be2a94873"},"count":99211,"reason":"x"}"#,
        ),
        ("POST", "/pauses", PAUSE),
        ("DELETE", "/pauses/arsip.simpan", ""),
        ("POST", "/keys/resume", KEY),
        ("POST", "/reload", ""),
        ("GET", "/plan", ""),
        ("GET", "/actions", ""),
        ("GET", TRACE, ""),
    ];
    let mut table = String::new();
    let users = ["of-route", "of-system", "of-others"];
    for (method, path, body) in calls {
        let mut row = format!("{method:6} {path:28} {body:66.66}");
        for user in users {
            let token = running.log_in(user, PASSWORD).await.unwrap();
            running.told();
            let path = format!("/api/v1{path}");
            let (status, answer) = running.call(method, &path, Some(&token), body).await;
            let shown = if answer.contains("sk-mutasi") { "+" } else { "" };
            let done =
                if running.told().iter().any(|it| !it.starts_with("groups")) { "!" } else { "" };
            row.push_str(&format!(" {:5}", format!("{status}{shown}{done}")));
        }
        table.push_str(&format!("{}\n", row.trim_end()));
    }
    // `+`: something of the route was shown; `!`: the bus was told to do something. In the columns: who
    // has the route, who has the system of its target, who has others.
    insta::assert_snapshot!(table);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_shows_anything_of_a_dead_letter_to_who_has_other_routes_and_systems() {
    let running = running().await;
    let mut browser = running.browser();
    browser.log_in("of-others", PASSWORD).await;
    running.told();
    let ordered = |it: &String| !it.starts_with("groups");
    for (method, _, path, fields, _) in PAGES_MAY.iter().filter(|it| it.1 != "/console/logout") {
        let answer = browser.visit(method, path, fields).await;
        let what = format!("{method} {path}: {} {}", answer.status, answer.text);
        // What the letters hold, and their target; the route he may have named himself.
        for secret in ["800/12", "KU.02", "daftarkan-naskah", "422"] {
            // What he looks for himself stands on the page with which he does.
            let own = path.contains(secret);
            assert!(own || !answer.text.contains(secret), "{secret} in {what}");
        }
        let told: Vec<_> = running.told().into_iter().filter(ordered).collect();
        assert!(told.is_empty(), "{told:?}: {what}");
    }
    // Who has the route sees them.
    browser.log_in("of-route", PASSWORD).await;
    assert!(browser.visit("GET", "/console/dead/17", "").await.text.contains("422"));
}
