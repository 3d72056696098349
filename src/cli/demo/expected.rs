//! What should become of the documents: the rules of the routes once more, in plain Rust over
//! `serde_json`, sharing not a line with the bus that they are held against.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    CouldNot,
    figures::{Expectation, Receipt, RouteFigures},
    work::{Post, Source},
};
use crate::message::Digest;

/// What should become of `posts`.
///
/// # Errors
///
/// [`CouldNot`] when a document is no JSON.
pub(super) fn expectation(posts: &[Post]) -> Result<Expectation, CouldNot> {
    let mut expected = Expectation::default();
    for source in Source::ALL {
        expected.routes.insert(source.route().to_owned(), RouteFigures::default());
    }
    let mut seen = HashSet::new();
    for post in posts {
        let document: Value = serde_json::from_slice(&post.body)
            .map_err(|error| CouldNot(format!("document `{}` is no JSON: {error}", post.key)))?;
        let route = expected.routes.entry(post.source.route().to_owned()).or_default();
        route.received += 1;
        if !seen.insert((post.source, identity(post.source, &document), post.body.clone())) {
            route.repeats += 1;
            continue;
        }
        match post.source {
            Source::Results => result(&mut expected, &document),
            Source::Orders => order(&mut expected, &document),
            Source::Decrees => decree(&mut expected, &document),
        }
    }
    Ok(expected)
}

fn identity(source: Source, document: &Value) -> String {
    let text = |key: &str| document[key].to_string();
    match source {
        Source::Results => text("kode_tps"),
        Source::Orders => text("nomor_spd") + &text("status"),
        Source::Decrees => text("nomor_sk"),
    }
}

impl Expectation {
    fn route(&mut self, source: Source) -> &mut RouteFigures {
        self.routes.entry(source.route().to_owned()).or_default()
    }

    fn owe(&mut self, source: Source, target: &str, receipt: Receipt) {
        self.route(source).targets.entry(target.to_owned()).or_default().delivered += 1;
        let place = (source.route().to_owned(), target.to_owned());
        *self.owed.entry(place).or_default().entry(receipt).or_default() += 1;
    }
}

fn result(expected: &mut Expectation, document: &Value) {
    let body = &document["body"];
    let (votes, administration) = (body["status_suara"] == true, body["status_adm"] == true);
    if !votes && !administration {
        expected.route(Source::Results).filtered += 1;
        return;
    }
    let failed = failed_rules(body);
    let code = text(&document["kode_tps"]);
    let whole = || Receipt { document: code.clone(), content: digest(body) };
    expected.owe(Source::Results, "bawaslu.salinan-hasil", whole());
    expected.owe(Source::Results, "arsip.simpan-hasil", whole());
    if !votes || !administration {
        return;
    }
    for rule in &failed {
        *expected.route(Source::Results).checks.entry((*rule).to_owned()).or_default() += 1;
    }
    if failed.is_empty() {
        let counted = || Receipt { document: code.clone(), content: candidates(&body["chart"]) };
        expected.owe(Source::Results, "ppid.umumkan-hasil", counted());
        expected.owe(Source::Results, "tabulasi.hitung", counted());
    }
}

/// The votes of the three candidates, as they must arrive.
pub(super) fn candidates(chart: &Value) -> String {
    ["100025", "100026", "100027"].map(|it| chart[it].to_string()).join("/")
}

/// A digest of everything that a document says, whatever the order of its keys.
pub(super) fn digest(value: &Value) -> String {
    let mut text = Digest::of(&[value.to_string().as_bytes()]).to_string();
    text.truncate(16);
    text
}

/// A text of a document; empty where there is none.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// R1 to R8. A rule whose fields are absent is not evaluated.
fn failed_rules(body: &Value) -> Vec<&'static str> {
    let number = |key: &str| body["administrasi"][key].as_i64();
    let votes: Vec<i64> = body["chart"]
        .as_object()
        .map(|chart| chart.values().filter_map(Value::as_i64).collect())
        .unwrap_or_default();
    let votes = (!votes.is_empty()).then(|| votes.iter().sum::<i64>());
    let rules = [
        ("R1", equal(votes, number("suara_sah"))),
        ("R2", equal(sum([number("suara_sah"), number("suara_tidak_sah")]), number("suara_total"))),
        ("R3", equal(number("pengguna_total_j"), number("suara_total"))),
        ("R4", {
            let kinds = ["pengguna_dpt_j", "pengguna_dptb_j", "pengguna_non_dpt_j"].map(number);
            equal(sum(kinds), number("pengguna_total_j"))
        }),
        ("R5", sexes(number)),
        ("R6", at_most(number("pengguna_dpt_j"), number("pemilih_dpt_j"))),
        ("R7", at_most(votes, Some(306))),
        ("R8", at_most(number("pemilih_dpt_j"), Some(300))),
    ];
    rules.into_iter().filter(|(_, holds)| *holds == Some(false)).map(|(name, _)| name).collect()
}

fn sum<const N: usize>(numbers: [Option<i64>; N]) -> Option<i64> {
    numbers.into_iter().sum()
}

fn equal(left: Option<i64>, right: Option<i64>) -> Option<bool> {
    Some(left? == right?)
}

fn at_most(left: Option<i64>, right: Option<i64>) -> Option<bool> {
    Some(left? <= right?)
}

/// Men and women make up all, in each of the five groups.
fn sexes(number: impl Fn(&str) -> Option<i64>) -> Option<bool> {
    let groups =
        ["pemilih_dpt", "pengguna_dpt", "pengguna_dptb", "pengguna_non_dpt", "pengguna_total"];
    let sound = groups.map(|it| {
        let [men, women, all] = ["_l", "_p", "_j"].map(|end| number(&format!("{it}{end}")));
        equal(sum([men, women]), all)
    });
    if sound.contains(&Some(false)) {
        return Some(false);
    }
    sound.iter().all(Option::is_some).then_some(true)
}

fn order(expected: &mut Expectation, document: &Value) {
    if document["status"] != "TERBIT" {
        expected.route(Source::Orders).filtered += 1;
        return;
    }
    let number = text(&document["nomor_spd"]);
    let receipt = |content: &Value| Receipt { document: number.clone(), content: text(content) };
    // ISO dates compare as texts.
    if text(&document["berangkat"]) <= text(&document["kembali"]) {
        for _ in document["pelaksana"].as_array().into_iter().flatten() {
            expected.owe(
                Source::Orders,
                "e-absensi.catat-dinas-luar",
                receipt(&document["kembali"]),
            );
        }
        expected.owe(Source::Orders, "e-agenda.catat", receipt(&document["tujuan"]["tempat"]));
    }
    expected.owe(Source::Orders, "arsip.daftarkan-naskah", receipt(&document["nomor_st"]));
}

fn decree(expected: &mut Expectation, document: &Value) {
    let signed = text(&document["tanggal_sk"]);
    // The personnel system's word for "no date".
    if signed == "01-01-0001" {
        expected.route(Source::Decrees).dead += 1;
        return;
    }
    let number = text(&document["nomor_sk"]);
    let unit = &document["unor_tujuan"]["id"];
    let moved = Receipt { document: number.clone(), content: text(unit) };
    expected.owe(Source::Decrees, "e-absensi.pindah-unit", moved);
    let kept = Receipt { document: number, content: text(&document["dokumen"][0]["sha256"]) };
    expected.owe(Source::Decrees, "arsip.daftarkan-naskah", kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::{random::Random, work};

    #[test]
    fn a_made_up_day_has_every_kind_of_defect() {
        let posts = work::day(None, 1_000, &mut Random::new(1)).unwrap();
        let expected = expectation(&posts).unwrap();

        let results = &expected.routes["hasil-tps"];
        let sound = results.targets["tabulasi.hitung"].delivered;
        let any = results.targets["bawaslu.salinan-hasil"].delivered;
        assert_eq!((results.received, results.repeats), (1_052, 52));
        assert_eq!(results.received, results.repeats + results.filtered + any);
        assert!(sound < any && 100 < sound, "{results:?}");
        let rules: Vec<_> = results.checks.keys().map(String::as_str).collect();
        assert_eq!(rules, ["R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8"]);

        let orders = &expected.routes["sppd-terbit"];
        let archived = orders.targets["arsip.daftarkan-naskah"].delivered;
        let noted = orders.targets["e-agenda.catat"].delivered;
        assert!(noted < archived, "some orders have their dates reversed: {orders:?}");
        assert!(noted < orders.targets["e-absensi.catat-dinas-luar"].delivered);
        assert_eq!(expected.routes["sk-mutasi"].dead, 0);
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn the_real_results_lead_to_the_known_figures() {
        let shared = std::env::var("SIMPUL_SHARED").unwrap_or_else(|_| "../shared".to_owned());
        let folder = std::path::Path::new(&shared).join("data/sirekap-2024-ppwp-tps");
        if !folder.exists() {
            eprintln!("skipped: no {}", folder.display());
            return;
        }
        let posts = work::day(Some(&folder), 0, &mut Random::new(1)).unwrap();
        let results = expectation(&posts).unwrap().routes.remove("hasil-tps").unwrap();

        assert_eq!((results.received, results.repeats, results.filtered), (1_053, 53, 421));
        let delivered = results.targets.iter().map(|(name, it)| (name.as_str(), it.delivered));
        assert_eq!(
            delivered.collect::<Vec<_>>(),
            [
                ("arsip.simpan-hasil", 579),
                ("bawaslu.salinan-hasil", 579),
                ("ppid.umumkan-hasil", 278),
                ("tabulasi.hitung", 278)
            ]
        );
        let checks = results.checks.values().copied().collect::<Vec<_>>();
        assert_eq!(checks, [28, 7, 34, 6, 20, 3, 4, 2], "R1 to R8");
    }

    #[test]
    fn a_rule_whose_fields_are_absent_is_not_evaluated() {
        let failed = |text: &str| failed_rules(&serde_json::from_str(text).unwrap());
        assert_eq!(failed(r#"{"chart":null,"administrasi":null}"#), [""; 0]);
        assert_eq!(failed(r#"{"chart":{"null":null},"administrasi":{"suara_sah":1}}"#), [""; 0]);
        assert_eq!(
            failed(r#"{"chart":{"null":null,"100025":307},"administrasi":{"suara_sah":1}}"#),
            ["R1", "R7"]
        );
        assert_eq!(
            failed(r#"{"administrasi":{"pemilih_dpt_j":3,"pemilih_dpt_l":1,"pemilih_dpt_p":1}}"#),
            ["R5"]
        );
    }
}
