//! Promises on steps: what a route's `steps:` do to a body, and what its author is told.

use std::{collections::BTreeMap, fs, sync::Arc};

use simpul::{
    diagnostic::{Node, Report, read},
    expr::{Budget, Meta, Scope},
    message::{Arena, Headers, IdSource, JsonWriter, Limits, Timestamp, Value, parse},
    step::{Context, Flow, Map, Rejected, Schema, Step, StepSpec},
    table::Table,
};

use crate::support::shared::shared;

/// The files that steps refer to.
#[derive(Default)]
struct Files {
    tables: BTreeMap<String, Arc<Table>>,
    schemas: BTreeMap<String, Arc<Schema>>,
}

impl Files {
    fn with_table(mut self, name: &str, csv: &str) -> Self {
        let table = Table::read(csv.as_bytes(), &mut Report::default()).unwrap();
        self.tables.insert(name.to_owned(), Arc::new(table));
        self
    }

    fn with_schema(mut self, path: &str, text: &str) -> Self {
        let schema = Schema::compile(text, &mut Report::default()).unwrap();
        self.schemas.insert(path.to_owned(), Arc::new(schema));
        self
    }

    /// The steps of a YAML list, or everything wrong with it as its author sees it.
    fn compile(&self, yaml: &str) -> Result<Vec<Box<dyn Step>>, String> {
        let mut report = Report::default();
        report.enter("routes/uji.yaml");
        let context = Context { tables: &self.tables, schemas: &self.schemas };
        let specs: Option<Vec<StepSpec>> = read(yaml, &mut report);
        let compile = |it: &StepSpec| it.compile(&context, &mut report);
        let steps: Vec<_> = specs.unwrap_or_default().iter().map(compile).collect();
        match steps.into_iter().collect() {
            Some(steps) if !report.has_errors() => Ok(steps),
            _ => Err(report
                .into_sorted()
                .iter()
                .map(|it| it.render(yaml, simpul::diagnostic::Language::English) + "\n")
                .collect()),
        }
    }
}

/// What became of a message: the bodies that are left (none: filtered), or why it is bad.
type Outcome = Result<Vec<String>, String>;

fn run(steps: &[Box<dyn Step>], body: &str) -> Outcome {
    let arena = Arena::with_limit(64 << 20);
    let body = parse(&arena, body.as_bytes(), &Limits::default()).unwrap();
    let received_at = Timestamp::from_millis(1_767_225_600_000);
    let headers = Headers::default();
    let id = IdSource::default().next(received_at);
    let meta = Meta { id, received_at, headers: &headers, hash_key: None };
    let budget = Budget::new(Budget::STEPS_MAX);
    let scope = Scope { arena: &arena, body, item: None, meta: &meta, budget: &budget };
    let bodies = apply_all(steps, &scope).map_err(|rejected| rejected.to_string())?;
    Ok(bodies.into_iter().map(text).collect())
}

fn text(value: Value<'_>) -> String {
    String::from_utf8(JsonWriter::to_vec(value)).unwrap()
}

fn apply_all<'a>(steps: &[Box<dyn Step>], scope: &Scope<'a>) -> Result<Vec<Value<'a>>, Rejected> {
    let mut bodies = vec![scope.body];
    for step in steps {
        let mut next = Vec::new();
        for body in bodies {
            match step.apply(&Scope { body, ..*scope })? {
                Flow::Next(body) => next.push(body),
                Flow::Split(parts) => next.extend(parts),
                Flow::Filtered => {}
            }
        }
        bodies = next;
    }
    Ok(bodies)
}

/// What a manual's example claims, and what is wrong with the claim.
fn tried(files: &Files, yaml: &str, body: &str, expected: &Outcome) -> Option<String> {
    let steps = match files.compile(yaml) {
        Ok(steps) => steps,
        Err(mistakes) => return Some(format!("{yaml}\n{mistakes}")),
    };
    let outcome = run(&steps, body);
    (outcome != *expected).then(|| format!("{yaml}\n{body}\n{outcome:?}, not {expected:?}"))
}

#[test]
fn every_example_in_the_manual_is_true() {
    let manual = fs::read_to_string("docs/steps.md").unwrap();
    let mut files = Files::default();
    let [mut yaml, mut body] = ["", ""];
    let mut expected: Option<Outcome> = None;
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (kind, block) in blocks(&manual).into_iter().chain([("end", "")]) {
        if !kind.ends_with("out")
            && let Some(expected) = expected.take()
        {
            wrong.extend(tried(&files, yaml, body, &expected));
            count += 1;
        }
        match kind.split_once(' ').unwrap_or((kind, "")) {
            ("yaml", "") => yaml = block,
            ("json", "in") => body = block,
            ("json", "out") => {
                let arena = Arena::with_limit(1 << 20);
                let value = parse(&arena, block.as_bytes(), &Limits::default()).unwrap();
                let bodies = expected.get_or_insert_with(|| Ok(Vec::new()));
                bodies.as_mut().unwrap().push(text(value));
            }
            ("text", "out") => {
                let reason = block.trim().strip_prefix("bad message: ");
                expected = Some(reason.map_or(Ok(Vec::new()), |it| Err(it.to_owned())));
            }
            ("csv", path) => {
                let name = path.strip_prefix("tables/").and_then(|it| it.strip_suffix(".csv"));
                files = files.with_table(name.unwrap(), block);
            }
            ("json", path) => files = files.with_schema(path, block),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(18 <= count, "only {count} examples found");
}

/// The fenced blocks of a Markdown text: what stands behind the fence, and the block.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let mut parts = text.split("```");
    parts.next();
    let fenced = parts.step_by(2);
    fenced.map(|it| it.split_once('\n').map_or((it, ""), |(kind, block)| (kind, block))).collect()
}

#[test]
fn a_body_gets_the_shape_that_its_author_draws() {
    let body = r#"{"a":1.50,"n":null,"t":"x","o":{"p":[1,2]},"l":[{"k":"A","m":[1,2]},{"k":"B"}]}"#;
    let cases = [
        ("$.o", r#"{"p":[1,2]}"#),
        ("{ a: $.a, n: $.n, z: $.z, t: $.t }", r#"{"a":1.50,"n":null,"t":"x"}"#),
        ("[$.z, $.a, '1.50', 1.5, true, null]", r#"[1.50,"1.50",1.5,true,null]"#),
        ("{ a: { b: { c: $.z }, d: [] } }", r#"{"a":{"b":{},"d":[]}}"#),
        ("{ $each: $.l, $map: \"@.k\" }", r#"["A","B"]"#),
        ("{ $each: \"$.l[*].m\", $map: \"@\" }", "[[1,2]]"),
        ("{ $each: $.l, $map: \"@.m\" }", "[[1,2]]"),
        ("{ x: { $each: $.z, $map: 1 }, y: 2 }", r#"{"y":2}"#),
        (
            "{ $each: $.l, $map: { k: \"@.k\", t: $.t, m: { $each: \"@.m\", $map: { i: \"@\" } } } }",
            r#"[{"k":"A","t":"x","m":[{"i":1},{"i":2}]},{"k":"B","t":"x"}]"#,
        ),
    ];
    for (shape, expected) in cases {
        let steps = Files::default().compile(&format!("- map: {shape}"));
        let outcome = run(&steps.unwrap_or_else(|it| panic!("{it}")), body);
        assert_eq!(outcome, Ok(vec![expected.to_owned()]), "{shape}");
    }
    let nothing = Files::default().compile("- map: $.z").unwrap();
    assert_eq!(run(&nothing, body), Err("the new body is nothing".to_owned()));
}

#[test]
fn a_map_says_where_it_needs_an_item() {
    let context = Context { tables: &BTreeMap::new(), schemas: &BTreeMap::new() };
    let mut report = Report::default();
    let mut map = |text| {
        let node: Node = read(text, &mut report).unwrap();
        Map::compile(&node, &context, &mut report).unwrap()
    };
    let within = map("{ a: 1, b: { $each: $.l, $map: [\"@\"] } }");
    assert!(!within.uses_item() && !within.uses_hash());
    let outside = map("{ a: 1,\n b: { $each: \"@.l\", $map: 1 }, c: $.x | hash }");
    assert!(outside.uses_item() && outside.uses_hash());
    assert_eq!(outside.item_at().map(|at| (at.line, at.column)), Some((2, 15)));
}

#[test]
fn the_work_on_one_message_has_an_end() {
    let list = format!("[{}0]", "0,".repeat(999));
    let shape = "{ $each: $, $map: { $each: $, $map: { $each: $, $map: 1 } } }";
    let steps = Files::default().compile(&format!("- map: {shape}")).unwrap();
    let reason = run(&steps, &list).unwrap_err();
    assert!(reason.ends_with("takes more work than one message may"), "{reason}");
}

/// The rules of a polling station's result, as an integrator writes them.
const RESULT_STEPS: &str = r"
- filter: $.body.status_suara || $.body.status_adm
- set: { $.adm: $.body.administrasi, $.suara: $.body.chart.* | sum }
- check:
    into: $.uji
    rules:
      R1: $.suara == $.adm.suara_sah
      R2: $.adm.suara_sah + $.adm.suara_tidak_sah == $.adm.suara_total
      R3: $.adm.pengguna_total_j == $.adm.suara_total
      R4: >-
        $.adm.pengguna_dpt_j + $.adm.pengguna_dptb_j + $.adm.pengguna_non_dpt_j
        == $.adm.pengguna_total_j
      R5: >-
        $.adm.pemilih_dpt_l + $.adm.pemilih_dpt_p == $.adm.pemilih_dpt_j
        && $.adm.pengguna_dpt_l + $.adm.pengguna_dpt_p == $.adm.pengguna_dpt_j
        && $.adm.pengguna_dptb_l + $.adm.pengguna_dptb_p == $.adm.pengguna_dptb_j
        && $.adm.pengguna_non_dpt_l + $.adm.pengguna_non_dpt_p == $.adm.pengguna_non_dpt_j
        && $.adm.pengguna_total_l + $.adm.pengguna_total_p == $.adm.pengguna_total_j
      R6: $.adm.pengguna_dpt_j <= $.adm.pemilih_dpt_j
      R7: $.suara <= 306
      R8: $.adm.pemilih_dpt_j <= 300
- remove: [$.adm, $.suara]
";

#[test]
fn the_rules_find_the_known_mistakes_in_a_thousand_real_results() {
    let Some(lines) = shared("data/sirekap-2024-ppwp-tps/tps_1000_20240216.jsonl") else { return };
    let steps = Files::default().compile(RESULT_STEPS).unwrap_or_else(|it| panic!("{it}"));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |what: &str| *counts.entry(what.to_owned()).or_default() += 1;
    for line in lines.lines() {
        let bodies = run(&steps, line).unwrap();
        let [body] = bodies.as_slice() else {
            count("empty");
            continue;
        };
        let result: serde_json::Value = serde_json::from_str(body).unwrap();
        let failed: Vec<String> = serde_json::from_value(result["uji"].clone()).unwrap();
        let before: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(result["body"], before["body"]);
        if result["body"]["status_suara"] == true && result["body"]["status_adm"] == true {
            count("complete");
            count(if failed.is_empty() { "sound" } else { "faulty" });
            failed.iter().for_each(|rule| count(rule));
        }
    }
    let counts: Vec<String> =
        counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
    let expected = "R1 28, R2 7, R3 34, R4 6, R5 20, R6 3, R7 4, R8 2, \
                    complete 348, empty 421, faulty 70, sound 278";
    assert_eq!(counts.join(", "), expected);
}

#[test]
fn a_split_makes_no_more_than_ten_thousand_messages() {
    let steps = Files::default().compile("- split: $").unwrap();
    let array = |items: usize| format!("[{}1]", "1,".repeat(items - 1));
    assert_eq!(run(&steps, &array(10_000)).map(|it| it.len()), Ok(10_000));
    assert_eq!(run(&steps, &array(10_001)), Err("`$`: more than 10000 items".to_owned()));
}

#[test]
fn a_rejection_holds_no_value_of_the_message() {
    let files =
        Files::default().with_table("wilayah", "kode,nama\n13,Sumatera Barat\n").with_schema(
            "schemas/x.schema.json",
            r#"{"properties":{"a":{"const":1},"b":{"maxLength":3}}}"#,
        );
    let body = r#"{"a":"RAHASIA","b":["RAHASIA"],"c":{"d":"RAHASIA"}}"#;
    let steps = [
        "- filter: $.a",
        "- filter: $.a < 5",
        "- map: { x: [1, { y: $.a + 1 }] }",
        "- map: { x: \"${$.b}\" }",
        "- map: { x: { $each: $.c, $map: \"@\" } }",
        "- map: { x: { $each: $.b, $map: { z: \"@ * 2\" } } }",
        "- set: { $.a.b: 1 }",
        "- set: { $.x: $.a | date }",
        "- validate: schemas/x.schema.json",
        "- check: { into: $.g, rules: { r: $.a < 5 } }",
        "- check: { into: $.a.x, rules: { r: $.a == 'x' } }",
        "- lookup: { table: wilayah, key: $.a, into: $.w }",
        "- lookup: { table: wilayah, key: $.b, into: $.w }",
        "- split: $.a",
    ];
    let mut reasons = String::new();
    for yaml in steps {
        let steps = files.compile(yaml).unwrap_or_else(|it| panic!("{it}"));
        reasons += &run(&steps, body).unwrap_err();
        reasons += "\n";
    }
    assert!(!reasons.contains("RAHASIA"), "{reasons}");
    insta::assert_snapshot!(reasons, @r"
    `$.a`: must be true or false, but is a text
    `$.a < 5`: `<` compares two numbers or two texts, not a text with a number
    field `x[1].y`: `$.a + 1`: `+` takes numbers, not a text and a number
    field `x`: `$.b`: an array cannot be put into a text
    field `x`: `$.c`: is an object, not an array
    field `x[0].z`: `@ * 2`: `*` takes numbers, not a text and a number
    field `$.a.b`: `b` would be put into a text
    field `$.x`: `$.a | date`: `date` finds no date: it reads YYYY-MM-DD, DD-MM-YYYY, YYYY-MM-DD HH:MM:SS and RFC 3339
    does not fit `schemas/x.schema.json`: `/a` must be 1
    rule `r`: `$.a < 5`: `<` compares two numbers or two texts, not a text with a number
    field `$.a.x`: `x` would be put into a text
    `$.a`: is not in code table `wilayah`
    `$.b`: is an array, no key
    `$.a`: is a text, not an array
    ");
}

#[test]
fn an_author_is_told_every_mistake_in_his_steps() {
    let files = Files::default()
        .with_table("wilayah", "kode,nama\n13,Sumatera Barat\n")
        .with_schema("schemas/sppd.schema.json", "{}");
    let yaml = r#"- filter: $.status = 'TERBIT'
- filter: "@.status == 'TERBIT'"
- map: { nip: "@.nip", total: 13.10, nama: name($.x) }
- map: { a: { $each: $.b, $mpa: { c: 1 } } }
- map: { a: { $each: $.b, c: 1 } }
- map: { a: { $map: { c: 1 } } }
- map: { a: { $each: { b: 1 }, $map: 1 } }
- map: { a: { $eahc: 1, $b: 2 } }
- map: { nama: "${$.k | lookup('wilayh', 'nama')}" }
- set: { tujuan: 1, $: 2, $.a-b: 3, $.c: "@.d" }
- set: { $..a: 1 }
- remove: ["$.a[?@.b]", nik]
- remove: []
- validate: schemas/spd.schema.json
- check: { into: $.gagal, rules: {} }
- check: { into: "$[*]", rules: { a: "$.x <" } }
- lookup: { table: wilayh, key: $.k, into: $.w }
- lookup: { table: wilayah, key: $.k, into: $.w, columns: [nma, kode, kode] }
- lookup: { table: wilayah, key: $.k, into: $.w, on_missing: ignore }
- split: "@.items"
"#;
    let mistakes = files.compile(yaml).map(|_| ()).unwrap_err();
    insta::assert_snapshot!(mistakes);
}
