//! What operators do about dead letters.

use super::{Running, Scripted};

/// The group of both dead letters.
const GROUP: &str = "5d1f0c6be2a94873";

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_shown_and_previewed() {
    let running = Running::start(Scripted::default()).await;
    let list = running.simpul(&["dead", "list"]).await;
    assert_eq!(list.code, 0, "{}", list.err);
    assert!(list.out.starts_with("ID  AGE"), "{}", list.out);
    assert!(list.out.contains("\\u{1b}[2J422"), "no control character passes: {}", list.out);
    let more = running.simpul(&["dead", "list", "--limit", "1"]).await;
    assert_eq!(more.err, "there are more: `--after 17`\n");

    let shown = running.simpul(&["dead", "show", "17"]).await;
    assert!(!shown.out.contains("800/12"), "a body only where it is asked for: {}", shown.out);
    let shown = running.simpul(&["dead", "show", "17", "--body"]).await;
    assert!(shown.out.contains("  \"nomor\": \"800/12\",\n"), "{}", shown.out);
    assert_eq!(running.simpul(&["dead", "show", "99"]).await.code, 1);

    let preview = running.simpul(&["dead", "replay", "17", "--preview"]).await;
    insta::assert_snapshot!(preview.out, @r#"
    dead letter 17: sk-mutasi to arsip.daftarkan-naskah
      would send, compared with what failed:
        {
          "nomor": "800/12",
      -   "klasifikasi": "KU.02"
      +   "klasifikasi": "KP.04"
        }
    "#);
    assert_eq!(running.told(), [] as [&str; 0], "a preview changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_dead_letters_are_grouped_previewed_and_replayed_as_a_job() {
    let running = Running::start(Scripted::default()).await;
    let groups: &'static [&'static str] =
        &["dead", "groups", "--route", "sk-mutasi", "--from", "2026-01-17T02:30:00Z"];
    let groups = running.simpul(groups).await;
    assert!(groups.out.contains("5d1f0c6be2a94873  99211  "), "{}{}", groups.out, groups.err);

    let preview: &'static [&'static str] =
        &["dead", "replay", "--group", GROUP, "--only-to", "arsip.x", "--preview"];
    assert_eq!(running.simpul(preview).await.code, 1, "one would be dead again");
    let replay: &'static [&'static str] = &[
        "dead",
        "replay",
        "--group",
        GROUP,
        "--rate",
        "50/s",
        "--reason",
        "peta diperbaiki",
        "--count",
        "99211",
    ];
    let replay = running.simpul(replay).await;
    insta::assert_snapshot!(replay.out, @r"
    job 7: replay
      ordered             2026-01-17T02:30:00.000Z by sari (local): peta diperbaiki
      which               group 5d1f0c6be2a94873
      rate                50/s
      state               done
      letters             99211
      on their way again  99210
      would fail again    1

    COUNT  EXAMPLE  TARGET  CLASS    WHY IT WOULD FAIL
    1      17       -       refused  422
    ");
    let discard: &'static [&'static str] = &[
        "dead",
        "discard",
        "--route",
        "sk-mutasi",
        "--reason",
        "lama",
        "--no-wait",
        "--count",
        "99211",
    ];
    let discard = running.simpul(discard).await;
    assert_eq!(discard.out, "job 7: 99211 dead letters; `simpul dead jobs 7` tells how it fares\n");
    let cancelled = running.simpul(&["dead", "cancel", "7", "--reason", "salah rute"]).await;
    assert_eq!((cancelled.code, &*cancelled.out), (0, "job 7 is cancelled: 0 of 99211\n"));
    assert!(running.simpul(&["dead", "jobs"]).await.out.starts_with("JOB  KIND     STATE"));
    let expected = [
        "groups Some(\"sk-mutasi\") since Some(Timestamp(1768617000000))",
        "preview None Some(\"5d1f0c6be2a94873\") Some(\"arsip.x\") None: sari (local): preview",
        "replay None Some(\"5d1f0c6be2a94873\") None Some(50): sari (local): peta diperbaiki",
        "discard Some(\"sk-mutasi\") None None None: sari (local): lama",
        "cancel 7: sari (local): salah rute",
    ];
    assert_eq!(running.told(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_say_what_he_means_has_nothing_done() {
    let running = Running::start(Scripted::default()).await;
    let mistakes: [(&'static [&'static str], &str); 6] = [
        (
            &["dead", "replay", "--group", GROUP, "--reason", "x"],
            "say how many dead letters this is about: `--count 99211` by now",
        ),
        (
            &["dead", "discard", "--all", "--reason", "x", "--count", "99210"],
            "this is about 99211 dead letters now",
        ),
        (&["dead", "replay", "--all"], "say why, with `--reason`"),
        (&["dead", "discard", "--all", "--reason", " "], "say why, with `--reason`"),
        (&["dead", "replay", "17", "--rate", "5/s", "--reason", "x"], "not named by numbers"),
        (&["dead", "list", "--from", "kemarin"], "write a day, a time with its zone"),
    ];
    for (command, said) in mistakes {
        let mistake = running.simpul(command).await;
        assert_eq!(mistake.code, 2, "{command:?}");
        assert!(mistake.err.contains(said), "{command:?}: {}", mistake.err);
    }
    assert_eq!(running.told(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_names_no_dead_letter_does_not_look_dealt_with() {
    let running = Running::start(Scripted::default()).await;
    let missing = "1 number names no dead letter; `simpul dead list` shows which there are\n";
    let discarded = running.simpul(&["dead", "discard", "17", "99", "--reason", "x"]).await;
    assert_eq!((discarded.code, &*discarded.out), (1, "1 dead letter discarded\n"));
    assert_eq!(discarded.err, missing);
    let replayed = running.simpul(&["dead", "replay", "99", "99", "--reason", "x"]).await;
    assert_eq!((replayed.code, &*replayed.err), (1, missing));
    let mistyped = running.simpul(&["dead", "list", "--class", "bad mesage"]).await;
    assert_eq!(mistyped.code, 2, "{}", mistyped.out);
    assert!(mistyped.err.contains("'bad message'"), "{}", mistyped.err);
}
