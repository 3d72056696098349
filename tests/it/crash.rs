//! `kill -9`, twenty times, in the middle of the work: nothing that was accepted is lost, no
//! receiver gets a repeat that does not say so, and the bus's account adds up every time. On each
//! broker.

use std::process::Command;

use serde_json::Value;

use crate::support::rabbit::Rabbit;

/// Enough work to be in the middle of it at every kill.
const RESULTS: &str = "800";
const KILLS: u64 = 20;

#[test]
fn twenty_kills_lose_nothing_and_every_repeat_is_flagged() {
    twenty_kills(&[]);
}

#[test]
fn twenty_kills_lose_nothing_on_rabbitmq_and_every_repeat_is_flagged() {
    let Some(rabbit) = Rabbit::shared() else { return };
    twenty_kills(&["--broker", &rabbit.vhost()]);
}

fn twenty_kills(broker: &[&str]) {
    let kills = KILLS.to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_simpul"))
        .args(["demo", "--fast", "--format", "json", "--seed", "4711"])
        .args(["--count", RESULTS, "--kills", &kills])
        .args(broker)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // Exits with 1 when a single figure is not what it must be: received, repeats, filtered and
    // dead of each route, deliveries of each target.
    assert!(output.status.success(), "{}\n{said}", output.status);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(told["lost"], 0);
    let crashes = &told["crashes"];
    assert_eq!((crashes["kills"].as_u64(), crashes["unflagged"].as_u64()), (Some(KILLS), Some(0)));
    assert_eq!(crashes["accounts_checked"].as_u64(), Some(KILLS), "both equations, each time");
    // A test that never interrupts a delivery would prove nothing about repeats.
    assert!(0 < crashes["repeated"].as_u64().unwrap(), "{crashes}");
}
