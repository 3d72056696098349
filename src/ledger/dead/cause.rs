//! What dead letters that failed alike have in common, and the name of it.
//!
//! A reason says what happened to one message: `` `/peserta/17/nip` must be of type string ``. Its
//! group leaves out what changes from one message to the next, and keeps the class, the step, the
//! status and the field.

use crate::{
    ledger::Cause,
    message::{Digest, Endpoint},
};

/// Hexadecimal digits of a group's name: among a million groups two of one name are still unlikely.
const NAME_DIGITS: usize = 16;

/// The name of the group that a dead letter belongs to: of those of its route and target that
/// failed alike. The same today and tomorrow, in every store.
pub fn group_of(route: &str, target: Option<&Endpoint>, cause: &Cause) -> String {
    let target = target.map(Endpoint::to_string).unwrap_or_default();
    let alike = alike(&cause.reason);
    let parts = [route, &target, &cause.class, &cause.place, &alike];
    let mut name = Digest::of(&parts.map(str::as_bytes)).to_string();
    name.truncate(NAME_DIGITS);
    name
}

/// A reason without what changes from one message to the next: how often it was tried, where in
/// the body it is, and every mistake but the first.
fn alike(reason: &str) -> String {
    let first = reason.split("; ").next().unwrap_or_default();
    let mut out = String::with_capacity(first.len());
    let mut is_code = false;
    let mut rest = first;
    while let Some(letter) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let (token, after) = rest.split_at(digits.max(letter.len_utf8()));
        is_code ^= letter == '`';
        if 0 < digits && changes(&out, after, is_code) {
            out.push('*');
        } else {
            out.push_str(token);
        }
        rest = after;
    }
    out
}

/// Whether a number between two texts says where or how often, and not what.
fn changes(before: &str, after: &str, is_code: bool) -> bool {
    let next = after.chars().next();
    match before.chars().last() {
        // The status of an answer.
        None => false,
        Some('/') if is_code => next.is_none_or(|it| matches!(it, '/' | '`')),
        Some('[') => next == Some(']'),
        Some(_) if is_code => false,
        Some(last) => !last.is_alphanumeric() && !next.is_some_and(char::is_alphanumeric),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_from_message_to_message_is_left_out() {
        let reasons = [
            (
                "503 Service Unavailable, after 5 attempts",
                "503 Service Unavailable, after * attempts",
            ),
            ("422 Unprocessable Entity", "422 Unprocessable Entity"),
            ("`/peserta/17/nip` must be of type string", "`/peserta/*/nip` must be of type string"),
            ("`/daftar/3` must be a number; `/x` may not be there", "`/daftar/*` must be a number"),
            (
                "field `peserta[12].nip`: `@.nip | required` is nothing",
                "field `peserta[*].nip`: `@.nip | required` is nothing",
            ),
            (
                "not JSON: expected `,` at line 3, column 17",
                "not JSON: expected `,` at line *, column *",
            ),
            ("`$.total > 100` is no boolean", "`$.total > 100` is no boolean"),
            ("`$.a[0] + 1`: a text is no number", "`$.a[*] + 1`: a text is no number"),
            ("no column `sha256` in b64 text", "no column `sha256` in b64 text"),
            ("", ""),
        ];
        for (reason, expected) in reasons {
            assert_eq!(alike(reason), expected);
        }
    }

    #[test]
    fn a_group_is_a_route_a_target_a_class_a_place_and_a_kind_of_reason() {
        let cause = |class: &str, place: &str, reason: &str| Cause {
            class: class.into(),
            place: place.to_owned(),
            reason: reason.to_owned(),
        };
        let target = Endpoint::parse("arsip.terima");
        let of = |reason| group_of("sppd-terbit", target.as_ref(), &cause("refused", "", reason));
        assert_eq!(of("422, after 1 attempts"), of("422, after 7 attempts"));
        // Known to whoever wrote it down a year ago.
        assert_eq!(of("422"), "c295183c3535b0ec");
        let others = [
            of("400"),
            group_of("sk-mutasi", target.as_ref(), &cause("refused", "", "422")),
            group_of("sppd-terbit", None, &cause("refused", "", "422")),
            group_of("sppd-terbit", target.as_ref(), &cause("unavailable", "", "422")),
            group_of("sppd-terbit", target.as_ref(), &cause("refused", "steps[0] map", "422")),
        ];
        for other in others {
            assert_ne!(of("422"), other);
        }
    }
}
