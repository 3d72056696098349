//! What a message is found by: the values that its route lets operators search for.

use std::sync::Arc;

use crate::{
    expr::Scope,
    journal::Term,
    message::Value,
    route::{Route, Search},
};

/// Terms of one message: more is no letter with its numbers but a list.
const TERMS_MAX: usize = 32;

/// The terms of a message. A value that is nothing, or cannot be told, is none: whatever is wrong
/// with the message is told elsewhere, and nothing is wrong with it because of a search.
pub(super) fn of(route: &Route, scope: &Scope<'_>) -> Vec<Term> {
    let mut terms = Vec::new();
    for search in &route.search {
        if let Ok(Some(value)) = search.expression.eval(scope) {
            add(&mut terms, search, value, scope.meta.hash_key);
        }
    }
    terms
}

fn add(terms: &mut Vec<Term>, search: &Search, value: Value<'_>, hash_key: Option<&[u8]>) {
    let text = match value {
        Value::Text(text) => text,
        Value::Number(number) => number.text(),
        Value::Array(items) => {
            let of_one = |it: &&Value<'_>| !matches!(it, Value::Array(_) | Value::Object(_));
            let items = items.iter().filter(of_one).take(TERMS_MAX);
            return items.for_each(|it| add(terms, search, *it, hash_key));
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => return,
    };
    let name = Arc::clone(&search.name);
    let term = match (search.is_personal, hash_key) {
        (false, _) => Term::plain(name, text),
        (true, Some(key)) => Term::hidden(name, text, key),
        // Files in which this can be are refused.
        (true, None) => None,
    };
    terms.extend(term.filter(|it| terms.len() < TERMS_MAX && !terms.contains(it)));
}
