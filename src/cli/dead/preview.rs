//! What a replay would send, and how it differs from what failed.

use crate::{
    cli::{pretty::pretty, screen::escaped},
    diagnostic::diff,
    ops::wire::PreviewView,
};

/// One dead letter: what would be sent, as a comparison where something was sent before.
pub(super) fn render(preview: &PreviewView) -> String {
    let letter = &preview.letter;
    let target = letter.target.as_deref().unwrap_or("the route's queue");
    let mut out = format!("dead letter {}: {} to {target}\n", letter.id, letter.route);
    if let Some(fails) = &preview.fails {
        let place = if fails.place.is_empty() { "" } else { ": " };
        out.push_str(&format!(
            "  would fail again, {}: {}{place}{}\n",
            fails.class, fails.place, fails.reason
        ));
        return escaped(out.trim_end());
    }
    if preview.after.is_empty() {
        out.push_str("  would be routed, and send nothing\n");
    }
    for sending in &preview.after {
        let after = pretty(&sending.body);
        let text = match &preview.before {
            Some(before) => compare(&pretty(before), &after),
            None => format!("would send to {}:\n{after}", sending.target),
        };
        text.lines().for_each(|line| out.push_str(&format!("  {line}\n")));
    }
    escaped(out.trim_end())
}

fn compare(before: &str, after: &str) -> String {
    match diff(before, after) {
        same if same.is_empty() => "would send the same again".to_owned(),
        changed => format!("would send, compared with what failed:\n{changed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::wire::{DeadView, FailsView, Sending};

    fn preview(before: Option<&str>, after: Result<&str, &str>) -> PreviewView {
        let letter = DeadView {
            id: 17,
            at: "2026-01-17T02:30:00.000Z".to_owned(),
            age_seconds: 240,
            route: "sk-mutasi".to_owned(),
            message: "07070707-0707-0707-0707-070707070707".to_owned(),
            target: Some("arsip.daftarkan-naskah".to_owned()),
            ordinal: Some(0),
            class: "refused".to_owned(),
            place: String::new(),
            reason: "422".to_owned(),
            group: "5d1f0c6be2a94873".to_owned(),
            attempts: 1,
            generation: 3,
            sent: None,
        };
        let target = "arsip.daftarkan-naskah".to_owned();
        let sending = after.map(|body| Sending { target, body: body.to_owned() });
        let fails = after.err().map(|reason| FailsView {
            class: "bad message".to_owned(),
            place: "steps[1] lookup".to_owned(),
            reason: reason.to_owned(),
        });
        let before = before.map(str::to_owned);
        PreviewView { letter, before, after: sending.into_iter().collect(), fails }
    }

    #[test]
    fn what_changed_is_shown_line_by_line() {
        let before = r#"{"nomor":"800/12","klasifikasi":"KU.02","nilai":1.10}"#;
        let after = r#"{"nomor":"800/12","klasifikasi":"KP.04","nilai":1.10}"#;
        insta::assert_snapshot!(render(&preview(Some(before), Ok(after))), @r#"
        dead letter 17: sk-mutasi to arsip.daftarkan-naskah
          would send, compared with what failed:
            {
              "nomor": "800/12",
          -   "klasifikasi": "KU.02",
          +   "klasifikasi": "KP.04",
              "nilai": 1.10
            }
        "#);
    }

    #[test]
    fn what_would_fail_again_says_why() {
        let text = render(&preview(None, Err("no row `3271` in table `wilayah`")));
        insta::assert_snapshot!(text, @r"
        dead letter 17: sk-mutasi to arsip.daftarkan-naskah
          would fail again, bad message: steps[1] lookup: no row `3271` in table `wilayah`
        ");
    }

    #[test]
    fn without_a_body_from_before_the_new_one_is_shown_whole() {
        insta::assert_snapshot!(render(&preview(None, Ok(r#"{"nomor":"800/12"}"#))), @r#"
        dead letter 17: sk-mutasi to arsip.daftarkan-naskah
          would send to arsip.daftarkan-naskah:
          {
            "nomor": "800/12"
          }
        "#);
    }

    #[test]
    fn the_same_body_is_not_shown_twice() {
        let body = r#"{"nomor":"800/12"}"#;
        insta::assert_snapshot!(render(&preview(Some(body), Ok(body))), @r"
        dead letter 17: sk-mutasi to arsip.daftarkan-naskah
          would send the same again
        ");
    }
}
