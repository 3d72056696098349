//! Whatever a text comes to is of the type that is inferred of it, however much is known of the
//! message; and where a condition holds, the message is what the condition says of it. Every
//! evaluation in these tests is held to that.

use simpul::{
    diagnostic::Report,
    expr::{EvalError, Known, Scope},
    message::Value,
    typing::Type,
};

use crate::typing::values::{KNOWING, has, of};

/// Holds what `text` came to against what was inferred of it.
pub(super) fn hold(
    scope: &Scope<'_>,
    value: &Result<Option<Value<'_>>, EvalError>,
    text: &str,
    mut infer: impl FnMut(Known<'_>, &mut Report) -> Type,
) {
    let Ok(value) = value else { return };
    for knowing in KNOWING {
        let body = of(scope.body, knowing);
        let item = scope.item.map(|it| of(it, knowing));
        let mut report = Report::default();
        let inferred = infer(Known { body: &body, item: item.as_ref() }, &mut report);
        if report.has_errors() {
            // It was told; what follows from it is of no type.
            continue;
        }
        let is = value.map_or(inferred.absent, |it| has(&inferred, it));
        assert!(is, "{text}\n came to {value:?}\n of which is known ({knowing:?}) {inferred:#?}");
    }
}

/// Holds the message for which the condition `text` is true against what it says of it.
pub(super) fn narrow(scope: &Scope<'_>, text: &str, narrow: impl Fn(&Type) -> Type) {
    for knowing in KNOWING {
        let narrowed = narrow(&of(scope.body, knowing));
        assert!(
            has(&narrowed, scope.body),
            "{text}\n is true, and says ({knowing:?}) {narrowed:#?}"
        );
    }
}
