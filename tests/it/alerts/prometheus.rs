//! A Prometheus of our own, on loopback, for one test.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::support::process::{client, until};

/// Between two scrapes, and between two evaluations of the rules.
pub(super) const EVERY: &str = "250ms";

/// A Prometheus at work; killed when dropped.
pub(super) struct Prometheus {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Scrapes the operators' door at `ops`, with these rules; `None`, with a word, where Prometheus
    /// is not installed.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub(super) async fn start(ops: &str, rules: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("simpul.rules.yml"), rules).unwrap();
        let config = format!(
            "global: {{ scrape_interval: {EVERY}, scrape_timeout: {EVERY}, evaluation_interval: {EVERY} }}\n\
             rule_files: [simpul.rules.yml]\n\
             scrape_configs:\n  - job_name: simpul\n    static_configs: [{{ targets: [\"{ops}\"] }}]\n"
        );
        fs::write(path("prometheus.yml"), config).unwrap();
        // It cannot be told to take any port and say which: one that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", path("data").display()))
            .arg(format!("--web.listen-address={free}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(path("log")).unwrap())
            .spawn();
        let Ok(child) = child else {
            eprintln!(
                "skipped: `prometheus` is not installed (Debian: apt-get install prometheus)"
            );
            return None;
        };
        let prometheus = Self { child, address: free.to_string(), _folder: folder };
        until("Prometheus is ready", async || prometheus.is_ready().await).await;
        Some(prometheus)
    }

    async fn is_ready(&self) -> bool {
        let log = self._folder.path().join("log");
        let log = fs::read_to_string(log).unwrap_or_default();
        assert!(!log.contains("level=error"), "{log}");
        let asked = client().get(format!("http://{}/-/ready", self.address)).send().await;
        asked.is_ok_and(|it| it.status().is_success())
    }

    /// What a query comes to: the labels of each series, and its value.
    pub(super) async fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let answer = self.get("/api/v1/query", &[("query", query)]).await;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let series = answer["data"]["result"].as_array().unwrap();
        let value = |it: &Value| it["value"][1].as_str().unwrap().parse().unwrap();
        series.iter().map(|it| (it["metric"].clone(), value(it))).collect()
    }

    /// Every alert that is firing now, as Prometheus would hand it to an Alertmanager.
    pub(super) async fn firing(&self) -> Vec<Value> {
        let answer = self.get("/api/v1/alerts", &[]).await;
        let alerts = answer["data"]["alerts"].as_array().unwrap();
        alerts.iter().filter(|it| it["state"] == "firing").cloned().collect()
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let address = format!("http://{}{path}", self.address);
        let url = reqwest::Url::parse_with_params(&address, parameters).unwrap();
        let text = client().get(url).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

/// The queries of the shipped dashboard, with what stands for its variables.
pub(super) fn dashboard() -> Vec<String> {
    let text = fs::read_to_string(Path::new("deploy/grafana/simpul.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|it| it["targets"].as_array()).flatten();
    let mut queries: Vec<String> =
        targets.map(|it| it["expr"].as_str().unwrap().to_owned()).collect();
    let reloads = dashboard["annotations"]["list"].as_array().unwrap();
    queries.extend(reloads.iter().map(|it| it["expr"].as_str().unwrap().to_owned()));
    let filled = |it: &String| {
        ["$job", "$route", "$target"]
            .iter()
            .fold(it.replace("$__rate_interval", "1m"), |query, name| query.replace(name, ".*"))
    };
    queries.iter().map(filled).collect()
}
