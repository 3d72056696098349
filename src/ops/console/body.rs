//! Bodies on a page: in lines, and what is about people hidden unless somebody asks for it.

use maud::{Markup, html};

use super::{Visit, reader::number};
use crate::{
    diagnostic::{Compared, compared, text},
    engine::{BodyOf, Shown},
};

/// Whose body it is, and the page on which it stands.
pub(super) struct Whose<'a> {
    /// Who says what in it is about people.
    pub(super) of: BodyOf<'a>,
    /// What is about people in the message that it was made of.
    pub(super) known: &'a [String],
    /// Whether that is hidden.
    pub(super) hide: bool,
    /// The page, with its query, on which it could be seen with what is hidden.
    pub(super) path: &'a str,
}

/// One body.
pub(super) fn block(visit: &Visit, whose: &Whose<'_>, bytes: &[u8]) -> Markup {
    let shown = visit.desk.shown(whose.of, bytes, whose.known, whose.hide);
    html! {
        pre tabindex="0" { code { (shown.text) } }
        (notes(visit, whose, &shown))
    }
}

/// Two bodies side by side, with a mark at each line that one has and the other has not.
pub(super) fn side_by_side(
    visit: &Visit,
    whose: &Whose<'_>,
    (before, after): (&[u8], &[u8]),
) -> Markup {
    let shown = |it: &[u8], hide| visit.desk.shown(whose.of, it, whose.known, hide);
    let same = shown(before, false).text == shown(after, false).text;
    let [before, after] = [before, after].map(|it| shown(it, whose.hide));
    let looks_same = before.text == after.text;
    let lines = compared(&before.text, &after.text);
    html! {
        @if same {
            p role="status" { (visit.t(&text!("Both are the same."))) }
        } @else if looks_same {
            p role="status" { (visit.t(&text!("They differ only in what is hidden."))) }
        }
        div .sides {
            div {
                h3 { (visit.t(&text!("What was sent"))) }
                (side(visit, &lines, false))
            }
            div {
                h3 { (visit.t(&text!("What would be sent now"))) }
                (side(visit, &lines, true))
            }
        }
        (notes(visit, whose, &after))
    }
}

fn side(visit: &Visit, lines: &[Compared<'_>], is_after: bool) -> Markup {
    html! {
        pre .side tabindex="0" {
            @for line in lines {
                @match (line, is_after) {
                    (Compared::Same(text), _) => span { "  " (text) "\n" },
                    (Compared::Removed(text), false) => {
                        del { span .unseen { (visit.t(&text!("removed"))) ": " } "- " (text) "\n" }
                    },
                    (Compared::Added(text), true) => {
                        ins { span .unseen { (visit.t(&text!("added"))) ": " } "+ " (text) "\n" }
                    },
                    _ => {}
                }
            }
        }
    }
}

fn notes(visit: &Visit, whose: &Whose<'_>, shown: &Shown) -> Markup {
    let hidden = number(visit.language, shown.hidden as u64);
    html! {
        @if shown.is_opaque && whose.hide {
            p .hint { (visit.t(&text!("It is no JSON, so that it cannot be told what in it is about people."))) }
        }
        @if shown.is_cut { p .hint { (visit.t(&text!("It is longer; this is its beginning."))) } }
        @if 0 < shown.hidden {
            p .hint { (visit.t(&text!("Hidden, since it is about people: {}", &hidden))) }
        }
        @if whose.hide && (0 < shown.hidden || shown.is_opaque) {
            p { a href={ (whose.path) "&personal=1" } {
                (visit.t(&text!("Show them too (it is written down who looked)")))
            } }
        }
    }
}
