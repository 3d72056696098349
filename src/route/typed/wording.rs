//! What the author of a route is told of a field that its target may refuse.

use std::sync::Arc;

use crate::{
    diagnostic::{Code, Diagnostic, Report, Span, Text, nearest, text},
    message::Endpoint,
    typing::{Kinds, Misfit, MisfitKind, Type, list},
};

/// Adds a misfit to `report`; it is made at `at`, for `target`.
pub(super) fn tell(misfit: &Misfit, at: Span, target: &Endpoint, report: &mut Report) {
    match &misfit.kind {
        MisfitKind::Missing => missing(misfit, at, target, report),
        MisfitKind::Unwanted { names } => unwanted(misfit, names, (at, target), report),
        MisfitKind::Kind { has, wants, whole } => {
            let wrong = Kinds(has.kinds().0 & !wants.0);
            let is = match wrong.0 {
                0 => text!("a number with a fraction"),
                _ => wrong.words(),
            };
            let wanted = match wants.0 {
                0 => text!("no value at all"),
                _ if wrong.0 == 0 => text!("whole numbers only"),
                _ if *whole && *wants == Kinds::NUMBER => text!("a whole number"),
                _ => wants.words(),
            };
            let message = refused(misfit, is, target, wanted);
            let found = report.error(at, Code::TargetValue, message);
            found.label(text!("this is {}", has.clone().present().words()));
            found.help(cure_of_kind(wrong, *wants, misfit.certain));
        }
        MisfitKind::OneOf { has, wants } => {
            let message = refused(misfit, has.clone().present().words(), target, among(wants));
            one_of(misfit, (has, wants), report.error(at, Code::TargetValue, message));
        }
        MisfitKind::Rule { has, wants, date } => {
            let message = refused(misfit, has.clone().present().words(), target, wants.clone());
            report.error(at, Code::TargetValue, message).help(match date {
                true if misfit.certain => text!("write the day as in `2026-01-31`"),
                false if misfit.certain => cure_of_certain(),
                true => text!(
                    "`| date` makes a day of the usual forms; or have the source's schema say \
                     `\"format\": \"date\"`"
                ),
                false => cure(),
            });
        }
        MisfitKind::NotChecked { .. } | MisfitKind::Unknown => {}
    }
}

/// Which part of what is sent.
fn field(misfit: &Misfit) -> Text {
    match misfit.path.as_str() {
        "" => text!("the body"),
        path => text!("`{}`", path),
    }
}

/// That a part is something else than its target takes.
fn refused(misfit: &Misfit, is: Text, target: &Endpoint, takes: Text) -> Text {
    match misfit.certain {
        true => text!("{} is {}, and `{}` takes {}", field(misfit), is, target, takes),
        false => text!("{} may be {}, and `{}` takes {}", field(misfit), is, target, takes),
    }
}

/// A field that must be there.
fn missing(misfit: &Misfit, at: Span, target: &Endpoint, report: &mut Report) {
    let name = misfit.path.rsplit('.').next().unwrap_or_default();
    if misfit.certain {
        let message = text!("{} is never set, and `{}` requires it", field(misfit), target);
        let found = report.error(at, Code::TargetField, message);
        found.label(text!("`{}` is not set here", name));
        found.help(text!("add `{}:` with its value", name));
        return;
    }
    let message = text!("{} may be missing, and `{}` requires it", field(misfit), target);
    report.error(at, Code::TargetField, message).label("this may be nothing").help(
        "give another value with `| default(…)`; with `| required` such a message is a dead letter \
         that says so, and a `filter` before lets it end here",
    );
}

/// A field that may not be there.
fn unwanted(
    misfit: &Misfit,
    names: &[Arc<str>],
    (at, target): (Span, &Endpoint),
    report: &mut Report,
) {
    let name = misfit.path.rsplit('.').next().unwrap_or_default();
    let message = match name {
        "*" => text!("`{}` takes no fields beside those of its schema", target),
        _ => text!("`{}` takes no {}", target, field(misfit)),
    };
    let found = report.error(at, Code::TargetField, message);
    if !names.is_empty() {
        found.label(text!("it takes {}", list(names)));
    }
    match nearest(name, names.iter().map(|it| &**it)) {
        Some(near) => found.help(text!("did you mean `{}`?", near)),
        None if name == "*" => found.help("draw what is sent with `map`"),
        None => found.help("leave it out, or declare it in the target's schema"),
    };
}

/// A value that is none of those that are asked for: a misspelt one, where one is near.
fn one_of(misfit: &Misfit, (has, wants): (&Type, &[String]), found: &mut Diagnostic) {
    let texts = has.text.as_ref().and_then(|it| it.one_of.as_ref());
    let is_wrong = |it: &&Arc<str>| !wants.contains(&format!("'{it}'"));
    let wrong = texts.and_then(|it| it.iter().find(is_wrong));
    let known = wants.iter().map(|it| it.trim_matches('\''));
    match wrong.and_then(|it| nearest(it, known)) {
        Some(near) => found.help(text!("did you mean '{}'?", near)),
        None => match wants {
            [only] if misfit.certain => found.help(text!("write {}", only)),
            _ if misfit.certain => found.help(cure_of_certain()),
            _ => found.help(cure()),
        },
    };
}

fn cure() -> Text {
    text!(
        "let a `filter` or `validate` before keep such messages back, or have the source's schema \
         say more"
    )
}

fn cure_of_certain() -> Text {
    text!("write a value that the target takes")
}

fn among(wants: &[String]) -> Text {
    match wants {
        [only] => text!("{} alone", only),
        all => text!("one of {}", &all.join(", ")),
    }
}

fn cure_of_kind(wrong: Kinds, wants: Kinds, certain: bool) -> Text {
    if wants.0 == 0 {
        text!("leave it out")
    } else if wrong == Kinds::NULL {
        text!(
            "`[…] | first` passes over null; behind it, `| default(…)` or `| required` says what then"
        )
    } else if wrong == Kinds::NUMBER && wants.meets(Kinds::TEXT) {
        text!("`| text` makes a text of a number")
    } else if wrong == Kinds::TEXT && wants.meets(Kinds::NUMBER) {
        text!("`| number` makes a number of a text")
    } else if wrong == Kinds::ARRAY {
        text!("`| first` takes one item, `| join(', ')` makes one text of them")
    } else if wrong.0 == 0 {
        text!("`| round`, `| floor` or `| ceil` makes a whole number")
    } else if wrong == Kinds::BOOLEAN && wants.meets(Kinds::TEXT) {
        text!("`| text` makes a text of a boolean")
    } else if wrong == Kinds::OBJECT {
        text!("name the field in it that is meant")
    } else if certain {
        cure_of_certain()
    } else {
        cure()
    }
}
