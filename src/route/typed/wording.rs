//! What the author of a route is told of a field that its target may refuse.

use std::sync::Arc;

use crate::{
    diagnostic::{Code, Diagnostic, Report, Span, nearest, text},
    message::Endpoint,
    typing::{Kinds, Misfit, MisfitKind, list},
};

/// Adds a misfit to `report`; it is made at `at`, for `target`.
pub(super) fn tell(misfit: &Misfit, at: Span, target: &Endpoint, report: &mut Report) {
    let field = match misfit.path.as_str() {
        "" => "the body".to_owned(),
        path => format!("`{path}`"),
    };
    let is = if misfit.certain { "is" } else { "may be" };
    match &misfit.kind {
        MisfitKind::Missing | MisfitKind::Unwanted { .. } => {
            of_field(misfit, (&field, at), target, report);
        }
        MisfitKind::Kind { has, wants, whole } => {
            let wrong = Kinds(has.kinds().0 & !wants.0);
            let (has_words, wanted) = match wrong.0 {
                0 => ("a number with a fraction".to_owned(), "whole numbers only".to_owned()),
                _ if *whole && *wants == Kinds::NUMBER => {
                    (wrong.words(), "a whole number".to_owned())
                }
                _ => (wrong.words(), wants.words()),
            };
            let message = format!("{field} {is} {has_words}, and `{target}` takes {wanted}");
            let found = report.error(at, Code::TargetValue, message);
            found.label(text!("this is {}", &has.clone().present()));
            cure_of_kind(wrong, *wants, found);
        }
        MisfitKind::OneOf { has, wants } => {
            let (known, wanted) = (has.clone().present(), among(wants));
            let message = format!("{field} {is} {known}, and `{target}` takes {wanted}");
            let found = report.error(at, Code::TargetValue, message);
            let text = has.text.as_ref().and_then(|it| it.one_of.as_ref());
            let is_wrong = |it: &&Arc<str>| !wants.contains(&format!("'{it}'"));
            let wrong = text.and_then(|it| it.iter().find(is_wrong));
            let known = wants.iter().map(|it| it.trim_matches('\''));
            match wrong.and_then(|it| nearest(it, known)) {
                Some(near) => found.help(text!("did you mean '{}'?", &near)),
                None if misfit.certain => found.help(CURE_OF_CERTAIN),
                None => found.help(CURE),
            };
        }
        MisfitKind::Rule { has, wants } => {
            let known = has.clone().present();
            let message = format!("{field} {is} {known}, and `{target}` takes {wants}");
            let help = match wants.ends_with("`date`") {
                _ if misfit.certain => CURE_OF_CERTAIN,
                true => CURE_OF_DATE,
                false => CURE,
            };
            report.error(at, Code::TargetValue, message).help(help);
        }
        MisfitKind::NotChecked { .. } | MisfitKind::Unknown => {}
    }
}

/// A field that must be there, or may not.
fn of_field(misfit: &Misfit, (field, at): (&str, Span), target: &Endpoint, report: &mut Report) {
    let name = misfit.path.rsplit('.').next().unwrap_or_default();
    let MisfitKind::Unwanted { names } = &misfit.kind else {
        let is = if misfit.certain { "is never set" } else { "may be missing" };
        let message = format!("{field} {is}, and `{target}` requires it");
        let found = report.error(at, Code::TargetField, message);
        match misfit.certain {
            true => found
                .label(text!("`{}` is not set here", &name))
                .help(text!("add `{}:` with its value", &name)),
            false => found.label("this may be nothing").help(CURE_OF_NOTHING),
        };
        return;
    };
    let found = report.error(at, Code::TargetField, text!("`{}` takes no {}", &target, &field));
    if !names.is_empty() {
        found.label(text!("it takes {}", &list(names)));
    }
    match nearest(name, names.iter().map(|it| &**it)) {
        Some(near) => found.help(text!("did you mean `{}`?", &near)),
        None if name == "*" => found.help("draw what is sent with `map`"),
        None => found.help("leave it out, or declare it in the target's schema"),
    };
}

const CURE_OF_NOTHING: &str = "give another value with `| default(…)`; with `| required` such a \
     message is a dead letter that says so, and a `filter` before lets it end here";

const CURE: &str = "let a `filter` or `validate` before keep such messages back, or have the \
     source's schema say more";

const CURE_OF_CERTAIN: &str = "write a value that the target takes";

const CURE_OF_DATE: &str = "`| date` makes a day of the usual forms; or have the source's schema \
     say `\"format\": \"date\"`";

fn among(wants: &[String]) -> String {
    match wants {
        [only] => format!("{only} alone"),
        all => format!("one of {}", all.join(", ")),
    }
}

fn cure_of_kind(wrong: Kinds, wants: Kinds, found: &mut Diagnostic) {
    let help = if wrong == Kinds::NULL {
        "`[…] | first` passes over null; behind it, `| default(…)` or `| required` says what then"
    } else if wrong == Kinds::NUMBER && wants.meets(Kinds::TEXT) {
        "`| text` makes a text of a number"
    } else if wrong == Kinds::TEXT && wants.meets(Kinds::NUMBER) {
        "`| number` makes a number of a text"
    } else if wrong == Kinds::ARRAY {
        "`| first` takes one item, `| join(', ')` makes one text of them"
    } else if wrong.0 == 0 {
        "`| round`, `| floor` or `| ceil` makes a whole number"
    } else {
        CURE
    };
    found.help(help);
}
