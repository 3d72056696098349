//! The demonstration is the first thing a newcomer runs: its figures are exact, with made-up
//! documents and with the real ones, while everything goes well and while it does not.

use std::{path::PathBuf, process::Command};

use serde_json::{Value, json};

#[test]
fn every_made_up_document_is_accounted_for() {
    let told = demo(&["--fast", "--count", "300", "--seed", "7"]);

    assert_eq!(told["lost"], 0);
    let results = &told["routes"]["hasil-tps"];
    let number = |key: &str| results[key].as_u64().unwrap();
    let delivered = |target: &str| results["targets"][target]["delivered"].as_u64().unwrap();
    assert_eq!((number("received"), number("repeats"), number("dead")), (315, 15, 0));
    assert_eq!(delivered("bawaslu.salinan-hasil"), 300 - number("filtered"));
    assert_eq!(delivered("tabulasi.hitung"), delivered("ppid.umumkan-hasil"));
    assert!(delivered("tabulasi.hitung") < delivered("arsip.simpan-hasil"), "{results}");
    let received = ["hasil-tps", "sppd-terbit", "sk-mutasi"].map(|it| &told["routes"][it]);
    let received = received.map(|it| it["received"].as_u64().unwrap());
    assert_eq!(told["published"].as_u64().unwrap(), received.iter().sum::<u64>());
}

#[test]
fn the_real_results_give_the_known_figures_through_every_trouble() {
    let Some(folder) = real_results() else { return };
    let told = demo(&["--data", &folder.display().to_string()]);

    assert_eq!(told["lost"], 0);
    let results = &told["routes"]["hasil-tps"];
    let four = ["received", "repeats", "filtered", "dead"].map(|it| results[it].clone());
    assert_eq!(four, [json!(1_053), json!(53), json!(421), json!(0)]);
    let delivered = |target: &str| results["targets"][target]["delivered"].clone();
    assert_eq!(delivered("bawaslu.salinan-hasil"), 579);
    assert_eq!(delivered("arsip.simpan-hasil"), 579);
    assert_eq!(delivered("ppid.umumkan-hasil"), 278);
    assert_eq!(delivered("tabulasi.hitung"), 278);
    assert_eq!(
        results["checks"],
        json!({ "R1": 28, "R2": 7, "R3": 34, "R4": 6, "R5": 20, "R6": 3, "R7": 4, "R8": 2 })
    );

    // The troubles: one decree stays dead with its reason; the outage cost calls, not results;
    // of the wrongly mapped orders and of those behind the wrong password, none is missing.
    assert_eq!(told["routes"]["sk-mutasi"]["dead"], 1);
    let calls = results["targets"]["tabulasi.hitung"]["attempts"].as_u64().unwrap();
    assert!(278 + 5 <= calls, "`tabulasi` was down: {calls} calls");
    let orders = &told["routes"]["sppd-terbit"];
    let agenda = &orders["targets"]["e-agenda.catat"];
    assert_eq!((&orders["dead"], &agenda["dead"]), (&json!(0), &json!(0)));
    assert!(12 + 20 <= agenda["delivered"].as_u64().unwrap());
}

/// Runs the demonstration; it must be content with itself. Returns its JSON object.
fn demo(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_simpul"))
        .args(["demo", "--format", "json"])
        .args(arguments)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{told}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn real_results() -> Option<PathBuf> {
    let shared = std::env::var_os("SIMPUL_SHARED").unwrap_or_else(|| "../shared".into());
    let folder = PathBuf::from(shared).join("data/sirekap-2024-ppwp-tps");
    if !folder.exists() {
        eprintln!("skipped: no {}", folder.display());
        return None;
    }
    Some(folder)
}
