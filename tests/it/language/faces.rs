//! What a compiled text tells about itself, and what its callers rely on.

use simpul::{
    expr::{Budget, EvalError, Expr, Meta, Query, Scope, Template, ValueText},
    message::{Arena, Headers, Limits, Timestamp, parse},
};

/// Calls `act` with a scope of `document`, without an item and without a key for `hash`.
fn with_scope<T>(document: &str, act: impl for<'a> FnOnce(&Scope<'a>) -> T) -> T {
    let arena = Arena::with_limit(1 << 20);
    let body = parse(&arena, document.as_bytes(), &Limits::default()).unwrap();
    let headers = Headers::default();
    let meta = Meta {
        id: "01890000-0000-7000-8000-000000000001".parse().unwrap(),
        received_at: Timestamp::from_millis(0),
        headers: &headers,
        hash_key: None,
    };
    let budget = Budget::new(Budget::STEPS_MAX);
    act(&Scope { arena: &arena, body, item: None, meta: &meta, budget: &budget })
}

#[test]
fn an_expression_tells_whether_it_names_one_place() {
    for text in ["$", "$.a", "@.a[0]['b']", "($.a)", " $.a "] {
        assert!(Expr::parse(text).unwrap().names_one_place(), "{text}");
    }
    for text in ["$.a[*]", "$..a", "$.a[0,1]", "$.a[:1]", "$[?@.a]", "1", "$.a | first", "[$.a]"] {
        assert!(!Expr::parse(text).unwrap().names_one_place(), "{text}");
    }
}

#[test]
fn an_item_is_used_only_outside_of_filters() {
    for text in ["@", "@.a", "$.a + @.b", "[1, [@]]", "$.a | default(@.b)", "@.a[?@.b]"] {
        assert!(Expr::parse(text).unwrap().uses_item(), "{text}");
        assert!(ValueText::parse(&format!("a ${{{text}}}")).unwrap().uses_item(), "{text}");
        assert!(Template::parse(&format!("${{{text}}}")).unwrap().uses_item(), "{text}");
    }
    for text in ["$.a[?@.b == 1]", "$..[?@]", "'@.a'"] {
        assert!(!Expr::parse(text).unwrap().uses_item(), "{text}");
        assert!(!ValueText::parse(&format!("={text}")).unwrap().uses_item(), "{text}");
    }
    assert!(!ValueText::parse("a@b").unwrap().uses_item());
}

#[test]
fn what_needs_the_key_says_so_and_fails_without_it() {
    for text in ["$.a | hash", "concat('NIK:', $.a | hash)", "$.a | exists && hash($.a) == 'x'"] {
        let expression = Expr::parse(text).unwrap();
        assert!(expression.uses_hash(), "{text}");
        let error = with_scope(r#"{"a":"x"}"#, |scope| expression.eval(scope).err());
        let message = error.map(|it| it.message);
        assert_eq!(message.as_deref(), Some("`hash` needs a key, and none is set"), "{text}");
    }
    assert!(ValueText::parse("=$.a | hash").unwrap().uses_hash());
    assert!(ValueText::parse("a ${$.a | hash}").unwrap().uses_hash());
    assert!(Template::parse("/${$.a | hash}").unwrap().uses_hash());
    assert!(!Expr::parse("$.hash == 'hash' && ($.a | sha256) != ''").unwrap().uses_hash());
}

#[test]
fn a_condition_holds_or_not_or_is_not_known_or_is_an_error() {
    let holds = |text: &str| {
        let condition = Expr::parse(text).unwrap();
        with_scope(r#"{"a":1}"#, |scope| condition.holds(scope))
    };
    assert_eq!(holds("$.a == 1"), Ok(Some(true)));
    assert_eq!(holds("$.a > 1"), Ok(Some(false)));
    assert_eq!(holds("$.b > 1"), Ok(None));
    let error = EvalError {
        expression: "$.a".to_owned(),
        message: "must be true or false, but is a number".to_owned(),
    };
    assert_eq!(holds("$.a"), Err(error));
}

#[test]
fn only_what_comes_from_the_message_is_encoded() {
    let template = Template::parse("/a b/${$.nip}/$$?x=${$.n}").unwrap();
    let encode = |text: &str| text.replace('/', "%2F");
    let path = with_scope(r#"{"nip":"1/2","n":7}"#, |scope| template.eval(scope, encode));
    assert_eq!(path.as_deref(), Ok("/a b/1%2F2/$?x=7"));
}

#[test]
fn text_without_braces_is_literal() {
    assert_eq!(Template::parse("/a$$b").unwrap().literal(), Some("/a$b"));
    assert_eq!(Template::parse("").unwrap().literal(), Some(""));
    assert_eq!(Template::parse("/${'a'}").unwrap().literal(), None);
    assert_eq!(ValueText::parse("KU.02").unwrap().literal(), Some("KU.02"));
    assert_eq!(ValueText::parse("='KU.02'").unwrap().literal(), None);
}

#[test]
fn without_tables_no_table_is_known() {
    let error = Expr::parse("$.a | lookup('wilayah', 'nama')").unwrap_err();
    assert_eq!(error.message, "no table `wilayah`");
    assert_eq!(error.help, None);
}

#[test]
fn a_bare_query_names_no_item() {
    assert!(Query::parse("@.a").is_err());
    assert!(Query::parse("$[?@.a == $.b]").is_ok());
}
