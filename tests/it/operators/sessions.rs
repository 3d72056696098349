//! Coming in and going: passwords, sessions, forms, and the first user of all.

use std::time::Duration;

use super::{
    Running, Scripted,
    rights::{PASSWORD, USERS},
};

/// What a browser is answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
    /// Where it is sent.
    pub(super) to: String,
    headers: reqwest::header::HeaderMap,
}

/// A browser: it keeps one cookie, and sends the forms of the last page.
pub(super) struct Browser {
    client: reqwest::Client,
    origin: String,
    cookie: String,
    csrf: String,
}

impl Running {
    /// Logs in as a program does; the token, or the status.
    pub(super) async fn log_in(&self, user: &str, password: &str) -> Result<String, u16> {
        let body = serde_json::json!({ "user": user, "password": password }).to_string();
        let (status, answer) = self.call("POST", "/api/v1/sessions", None, &body).await;
        if status != 200 {
            return Err(status);
        }
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        Ok(answer["token"].as_str().unwrap().to_owned())
    }

    pub(super) fn browser(&self) -> Browser {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30));
        let client = client.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let origin = format!("http://{}", self.access.address);
        Browser { client, origin, cookie: String::new(), csrf: String::new() }
    }
}

impl Browser {
    /// Logs in on the page for that.
    pub(super) async fn log_in(&mut self, user: &str, password: &str) -> Answer {
        let fields = [("user", user), ("password", password)];
        let answer = self.send("/console/login", &fields).await;
        // Any page has the token of its forms.
        self.visit("GET", "/console", "").await;
        answer
    }

    /// Gets a page, or sends a form of the last one.
    pub(super) async fn visit(&mut self, method: &str, path: &str, fields: &str) -> Answer {
        if method == "POST" {
            let csrf = self.csrf.clone();
            let body = format!("csrf={csrf}&{fields}");
            return self.request(method, path, &body, &[]).await;
        }
        self.request(method, path, "", &[]).await
    }

    async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let plain = percent_encoding::NON_ALPHANUMERIC;
        let encoded = |it: &str| percent_encoding::utf8_percent_encode(it, plain).to_string();
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.request("POST", path, &fields.join("&"), &[]).await
    }

    async fn request(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = format!("{}{path}", self.origin);
        let mut request = self.client.request(method.parse().unwrap(), url);
        request = request.header("cookie", &self.cookie).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let headers = answer.headers().clone();
        let header = |name: &str| headers.get(name).map(|it| it.to_str().unwrap().to_owned());
        if let Some(cookie) = header("set-cookie") {
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        let (status, to) = (answer.status().as_u16(), header("location").unwrap_or_default());
        let text = answer.text().await.unwrap();
        if let Some((_, rest)) = text.split_once("name=\"csrf\" value=\"") {
            rest.split('"').next().unwrap().clone_into(&mut self.csrf);
        }
        Answer { status, text, to, headers }
    }
}

async fn running() -> Running {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Running::with_users(Scripted::default(), &USERS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_his_password_comes_in_and_goes() {
    let running = running().await;
    let mut browser = running.browser();
    let answer = browser.log_in("operator", PASSWORD).await;
    assert_eq!((answer.status, answer.to.as_str()), (303, "/console"));
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    let (_, attributes) = cookie.split_once(';').unwrap();
    // This machine is called by a loopback address, so that it need not be encrypted.
    assert_eq!(attributes, " Path=/; HttpOnly; SameSite=Strict");
    assert_eq!(browser.visit("GET", "/console", "").await.status, 200);
    let before = browser.cookie.clone();

    let answer = browser.visit("POST", "/console/logout", "").await;
    assert_eq!((answer.status, answer.to.as_str()), (303, "/console/login"));
    browser.cookie = before;
    let answer = browser.visit("GET", "/console/actions?before=7", "").await;
    assert_eq!(answer.to, "/console/login?next=/console/actions%3Fbefore%3D7");
    let noted = ["operator came_in: logged in from 127.0.0.1", "operator left: logged out"];
    assert_eq!(running.noted(), noted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_and_a_wrong_password_are_told_alike() {
    let running = running().await;
    let answers = [("operator", "salah"), ("tidak-ada", PASSWORD), ("", "")];
    let mut told = Vec::new();
    for (user, password) in answers {
        let fields = [("user", user), ("password", password)];
        let answer = running.browser().send("/console/login", &fields).await;
        assert_eq!(answer.status, 401);
        assert!(answer.headers.get("set-cookie").is_none());
        told.push(answer.text);
        assert_eq!(running.log_in(user, password).await, Err(401));
    }
    assert!(told[0].contains("The name or the password is wrong."), "{}", told[0]);
    told.dedup();
    assert_eq!(told.len(), 1);
    let noted = running.noted();
    assert!(noted[0].starts_with("operator kept_out: tried to log in from 127.0.0.1"), "{noted:?}");
    assert!(noted[4].starts_with("somebody kept_out"), "{noted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tries_too_often_must_wait_and_keeps_nobody_else_out() {
    let running = running().await;
    // From elsewhere, as a proxy on this machine tells.
    let attempt = async |from: &str, password: &str| {
        let body = serde_json::json!({ "user": "operator", "password": password });
        let url = format!("http://{}/api/v1/sessions", running.access.address);
        let request = reqwest::Client::new().post(url).header("x-forwarded-for", from);
        let answer = request.body(body.to_string()).send().await.unwrap();
        let wait = answer.headers().get("retry-after").map(|it| it.to_str().unwrap().to_owned());
        (answer.status().as_u16(), wait)
    };
    // He came in from here before.
    assert_eq!(attempt("10.0.0.7", PASSWORD).await.0, 200);
    for _ in 0..10 {
        assert_eq!(attempt("192.0.2.1", "tebakan").await.0, 401);
    }
    let (status, wait) = attempt("192.0.2.1", PASSWORD).await;
    assert_eq!(status, 429, "the right one comes too late");
    assert!((1..=10).contains(&wait.unwrap().parse::<u32>().unwrap()));
    for last in 2..12 {
        assert_eq!(attempt(&format!("192.0.2.{last}"), "tebakan").await.0, 401);
    }
    assert_eq!(attempt("192.0.2.99", PASSWORD).await.0, 429, "guessed at from many addresses");
    assert_eq!(attempt("10.0.0.7", PASSWORD).await.0, 200, "he himself is not kept out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_does_nothing() {
    let running = running().await;
    let mut browser = running.browser();
    browser.log_in("admin", PASSWORD).await;
    let right = format!("csrf={}", browser.csrf);
    let foreign: [(&str, &[(&str, &str)]); 5] = [
        ("", &[]),
        ("csrf=", &[]),
        ("csrf=salah", &[]),
        (&right, &[("origin", "http://evil.example")]),
        (&right, &[("sec-fetch-site", "cross-site")]),
    ];
    for (body, headers) in foreign {
        let answer = browser.request("POST", "/console/logout", body, headers).await;
        assert_eq!(answer.status, 403, "{body} {headers:?}");
    }
    assert_eq!(browser.visit("GET", "/console", "").await.status, 200, "he is still in");

    // A script of a page shows that it is ours in a header.
    let pause = r#"{"target":"arsip.simpan","reason":"uji"}"#;
    let own = browser.csrf.clone();
    for (headers, status) in [
        (&[][..], 403),
        (&[("x-csrf-token", "salah")][..], 403),
        (&[("x-csrf-token", own.as_str()), ("origin", "http://evil.example")][..], 403),
        (&[("x-csrf-token", own.as_str())][..], 204),
    ] {
        let answer = browser.request("POST", "/api/v1/pauses", pause, headers).await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text);
    }
    let answer = browser.request("GET", "/api/v1/status", "", &[]).await;
    assert_eq!(answer.status, 200);
    // Another site cannot log somebody in as somebody else either.
    let (fields, headers) = ("user=admin&password=x", [("origin", "http://evil.example")]);
    let answer = browser.request("POST", "/console/login", fields, &headers).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_presented_as_it_was_made_and_ends_with_what_its_user_may() {
    let running = running().await;
    let token = running.log_in("operator", PASSWORD).await.unwrap();
    let mut browser = running.browser();
    browser.log_in("operator", PASSWORD).await;
    let cookie = browser.cookie.split_once('=').unwrap().1.to_owned();
    assert_eq!(running.call("GET", "/api/v1/status", Some(&cookie), "").await.0, 401);
    browser.cookie = format!("simpul_session={token}");
    assert_eq!(browser.visit("GET", "/console", "").await.status, 303);
    browser.cookie = format!("simpul_session={}", running.access.token);
    assert_eq!(browser.visit("GET", "/console", "").await.status, 303, "that is for the machine");
    browser.cookie = format!("simpul_session={cookie}");
    assert_eq!(browser.visit("GET", "/console", "").await.status, 200);

    // An administrator changes what he may: whoever is in as him is out.
    let changed = USERS.replace("grants: [{ role: operator }]", "grants: [{ role: viewer }]");
    std::fs::write(running.project.path().join("data/users.yaml"), changed).unwrap();
    let start = std::time::Instant::now();
    while running.call("GET", "/api/v1/status", Some(&token), "").await.0 != 401 {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(browser.visit("GET", "/console", "").await.status, 303);
    let token = running.log_in("operator", PASSWORD).await.unwrap();
    let pause = r#"{"target":"arsip.simpan","reason":"uji"}"#;
    assert_eq!(running.call("POST", "/api/v1/pauses", Some(&token), pause).await.0, 403);

    // One with mistakes is not taken.
    std::fs::write(running.project.path().join("data/users.yaml"), "users: [").unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(running.call("GET", "/api/v1/status", Some(&token), "").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_led_on_to_pages_of_the_bus_alone() {
    let running = running().await;
    for (next, to) in [
        ("/console/actions?before=7", "/console/actions?before=7"),
        ("/console", "/console"),
        ("//evil.example", "/console"),
        ("/console/../evil", "/console/../evil"),
        ("https://evil.example", "/console"),
        ("/console\\evil", "/console"),
        ("/consolevil", "/console"),
        ("", "/console"),
    ] {
        let fields = [("user", "admin"), ("password", PASSWORD), ("next", next)];
        let answer = running.browser().send("/console/login", &fields).await;
        assert_eq!(answer.to, to, "{next}");
    }
    // Followed from another site, a link comes without the cookie: the page loads itself anew.
    let mut browser = running.browser();
    let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "document")];
    let answer = browser.request("GET", "/console/actions", "", &headers).await;
    assert!(answer.text.contains("content=\"0; url=/console/actions\""), "{}", answer.text);
    let answer = browser.request("GET", "/console", "", &[("sec-fetch-dest", "empty")]).await;
    assert_eq!(answer.status, 401, "what a script fetches is no way in");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_user_is_made_once_with_the_token_that_was_printed() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let running = Running::start(Scripted::default()).await;
    let token = running.door.first_token().await.unwrap().unwrap();
    let mut browser = running.browser();
    assert_eq!(browser.visit("GET", "/console", "").await.to, "/console/first");
    assert_eq!(browser.visit("GET", "/console/first", "").await.status, 200);
    let mut make = async |token: &str, user: &str, password: &str, again: &str| {
        let fields = [("token", token), ("user", user), ("password", password), ("again", again)];
        browser.send("/console/first", &fields).await
    };
    let wrong = make("salah", "sari", PASSWORD, PASSWORD).await;
    assert!(wrong.text.contains("this is not the token that was printed"), "{}", wrong.text);
    assert!(make(&token, "sari", PASSWORD, "lain").await.text.contains("passwords differ"));
    assert!(make(&token, "Sari!", PASSWORD, PASSWORD).await.text.contains("small letters"));
    assert!(make(&token, "sari", "pendek", "pendek").await.text.contains("12 characters"));
    let made = make(&token, "sari", PASSWORD, PASSWORD).await;
    assert_eq!((made.status, made.to.as_str()), (303, "/console"), "{}", made.text);
    let again = make(&token, "budi", PASSWORD, PASSWORD).await;
    assert_eq!(again.status, 400);
    assert!(again.text.contains("there are users already"), "{}", again.text);

    assert_eq!(browser.visit("GET", "/console", "").await.status, 200);
    assert_eq!(browser.visit("GET", "/console/first", "").await.to, "/console/login");
    let file = running.project.path().join("data/users.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("role: admin") && !text.contains(PASSWORD), "{text}");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        running
            .noted()
            .contains(&"sari first_user: became the first user, from 127.0.0.1".to_owned())
    );
    assert!(running.door.first_token().await.unwrap().is_none(), "there is a user now");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_that_is_asked_for_another_one_approves_what_is_done_with_many() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let users = format!("# A second person.\n{}", *USERS);
    let running = Running::with_users(Scripted::default(), &users).await;
    let [operator, admin, viewer] = [
        running.log_in("operator", PASSWORD).await.unwrap(),
        running.log_in("admin", PASSWORD).await.unwrap(),
        running.log_in("viewer", PASSWORD).await.unwrap(),
    ];
    let job = r#"{"kind":"discard","selection":{"all":true},"count":99211,"reason":"lama"}"#;
    let (status, answer) = running.call("POST", "/api/v1/dead/jobs", Some(&operator), job).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains(r#""state":"proposed""#), "{answer}");
    let approve = async |token: &str| {
        let path = "/api/v1/dead/jobs/7/approve";
        running.call("POST", path, Some(token), r#"{"reason":"sudah diperiksa"}"#).await
    };
    let local = running.access.token.clone();
    for (token, expected) in [(&operator, 409), (&local, 409), (&viewer, 403)] {
        let (status, answer) = approve(token).await;
        assert_eq!(status, expected, "{answer}");
    }
    let (status, answer) = approve(&admin).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains(r#""approved_by":"admin""#), "{answer}");
    assert_eq!(approve(&admin).await.0, 409, "once");
    let told = running.told();
    assert_eq!(told.last().map(String::as_str), Some("approve 7: admin"));
    let noted = running.noted();
    assert!(
        noted.contains(&"admin approve: approved job 7: sudah diperiksa".to_owned()),
        "{noted:?}"
    );
    // On the command line who has proposed one is told so, and does not wait.
    let command = ["dead", "discard", "--all", "--reason", "x", "--count", "99211"];
    let said = running.simpul(Box::leak(Box::new(command))).await;
    assert!(said.out.contains("job 7 waits until a second person has approved it"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_look_at_a_body_is_written_down_with_who_looked() {
    let running = running().await;
    let token = running.log_in("operator", PASSWORD).await.unwrap();
    running.noted();
    for path in ["dead/17", "dead/17?body=true", "dead/17/message", "dead/17/preview", "dead"] {
        running.call("GET", &format!("/api/v1/{path}"), Some(&token), "").await;
    }
    let looks = [
        "operator looked: looked at what was sent, dead letter 17",
        "operator looked: looked at the message as accepted, dead letter 17",
        "operator looked: looked at what a replay would send, dead letter 17",
    ];
    assert_eq!(running.noted(), looks);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_forbids_browsers_what_they_need_not_do() {
    let running = running().await;
    let mut browser = running.browser();
    browser.log_in("admin", PASSWORD).await;
    let paths = [
        "/",
        "/console",
        "/console/login",
        "/console/assets/console.css",
        "/api/v1/status",
        "/api/v1/salah",
        "/metrics",
        "/health/live",
        "/tidak/ada",
        "/console/actions",
    ];
    for path in paths {
        let answer = browser.visit("GET", path, "").await;
        let header = |name: &str| answer.headers.get(name).map_or("", |it| it.to_str().unwrap());
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_without_end_is_told_to_wait() {
    let running = running().await;
    let client = reqwest::Client::new();
    let call = async |from: &str, token: &str| {
        let url = format!("http://{}/api/v1/pauses", running.access.address);
        let request = client.get(url).bearer_auth(token).header("x-forwarded-for", from);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    };
    let mut refused = 0;
    for _ in 0..400 {
        let (status, waits) = call("192.0.2.7", "salah").await;
        assert_eq!(status == 429, waits);
        refused += usize::from(status == 429);
    }
    assert!(0 < refused, "never");
    assert_eq!(call("192.0.2.8", "salah").await.0, 401, "another address goes on");
    let local = running.access.token.clone();
    assert_eq!(call("192.0.2.7", &local).await.0, 200, "as does the command line");
}
