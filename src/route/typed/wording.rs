//! What the author of a route is told of a field that its target may refuse.

use crate::{
    diagnostic::{Code, Diagnostic, Report, Span, nearest},
    message::Endpoint,
    typing::{Kinds, Misfit, MisfitKind, Type, list},
};

/// Adds a misfit to `report`; it is made at `at`, for `target`.
pub(super) fn tell(misfit: &Misfit, at: Span, target: &Endpoint, report: &mut Report) {
    let field = match misfit.path.as_str() {
        "" => "the body".to_owned(),
        path => format!("`{path}`"),
    };
    match &misfit.kind {
        MisfitKind::Missing if misfit.certain => {
            let message = format!("{field} is never set, and `{target}` requires it");
            let name = misfit.path.rsplit('.').next().unwrap_or_default();
            let found = report.error(at, Code::TargetField, message);
            found.label(format!("`{name}` is not set here"));
            found.help(format!("add `{name}:` with its value"));
        }
        MisfitKind::Missing => {
            let message = format!("{field} may be missing, and `{target}` requires it");
            let found = report.error(at, Code::TargetField, message);
            found.label("this may be nothing");
            found.help(CURE_OF_NOTHING);
        }
        MisfitKind::Unwanted { names } => {
            let message = format!("`{target}` takes no {field}");
            let found = report.error(at, Code::TargetField, message);
            if !names.is_empty() {
                found.label(format!("it takes {}", list(names)));
            }
            let name = misfit.path.rsplit('.').next().unwrap_or_default();
            match nearest(name, names.iter().map(|it| &**it)) {
                Some(near) => found.help(format!("did you mean `{near}`?")),
                None if name == "*" => found.help("draw what is sent with `map`"),
                None => found.help("leave it out, or declare it in the target's schema"),
            };
        }
        MisfitKind::Kind { has, wants, whole } => {
            let wrong = kinds_beyond(has, *wants);
            let (has_words, wanted) = match wrong.0 {
                0 => ("a number with a fraction".to_owned(), "whole numbers only".to_owned()),
                _ if *whole && *wants == Kinds::NUMBER => {
                    (wrong.words(), "a whole number".to_owned())
                }
                _ => (wrong.words(), wants.words()),
            };
            let message =
                format!("{field} {} {has_words}, and `{target}` takes {wanted}", verb(misfit));
            let found = report.error(at, Code::TargetValue, message);
            found.label(format!("this is {}", has.clone().present()));
            cure_of_kind(wrong, *wants, found);
        }
        MisfitKind::OneOf { has, wants } => {
            let message = format!(
                "{field} {} {}, and `{target}` takes {}",
                verb(misfit),
                one(has),
                among(wants)
            );
            let found = report.error(at, Code::TargetValue, message);
            let text = has.text.as_ref().and_then(|it| it.one_of.as_ref());
            let wrong =
                text.and_then(|it| it.iter().find(|it| !wants.contains(&format!("'{it}'"))));
            let known = wants.iter().map(|it| it.trim_matches('\''));
            match wrong.and_then(|it| nearest(it, known)) {
                Some(near) => found.help(format!("did you mean '{near}'?")),
                None if misfit.certain => found.help("write a value that the target takes"),
                None => found.help(CURE),
            };
        }
        MisfitKind::Rule { has, wants } => {
            let message =
                format!("{field} {} {}, and `{target}` takes {wants}", verb(misfit), one(has));
            let help = match wants.ends_with("`date`") {
                _ if misfit.certain => "write a value that the target takes",
                true => CURE_OF_DATE,
                false => CURE,
            };
            report.error(at, Code::TargetValue, message).help(help);
        }
        MisfitKind::NotChecked { .. } | MisfitKind::Unknown => {}
    }
}

const CURE_OF_NOTHING: &str = "give another value with `| default(…)`; with `| required` such a \
     message is a dead letter that says so, and a `filter` before lets it end here";

const CURE: &str = "let a `filter` or `validate` before keep such messages back, or have the \
     source's schema say more";

const CURE_OF_DATE: &str = "`| date` makes a day of the usual forms; or have the source's schema \
     say `\"format\": \"date\"`";

fn verb(misfit: &Misfit) -> &'static str {
    if misfit.certain { "is" } else { "may be" }
}

fn one(has: &Type) -> String {
    has.clone().present().to_string()
}

fn among(wants: &[String]) -> String {
    match wants {
        [only] => format!("{only} alone"),
        all => format!("one of {}", all.join(", ")),
    }
}

/// The kinds that there may be and are not asked for.
fn kinds_beyond(has: &Type, wants: Kinds) -> Kinds {
    Kinds(has.kinds().0 & !wants.0)
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
