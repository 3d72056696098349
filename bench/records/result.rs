//! A polling station's result, and the project's own route for it: eight rules, four targets.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

/// The route, as it stands in the project.
pub(crate) const ROUTE: &str = include_str!("../../routes/hasil-tps.yaml");

pub(crate) const SOURCE: &str = "sirekap.hasil";

pub(crate) const TARGETS: [&str; 4] =
    ["bawaslu.salinan-hasil", "arsip.simpan-hasil", "ppid.umumkan-hasil", "tabulasi.hitung"];

const NOTE: &str = "Pembacaan formulir C.Hasil oleh Sirekap, bukan hasil resmi rekapitulasi";

/// Result number `n`. Every eighth breaks a rule.
pub(crate) fn document(n: usize) -> Vec<u8> {
    let n = n as i64;
    let (a, b, c) = (50 + n % 40, 90 + n % 30, 20 + n % 10);
    let (valid, spoilt) = (a + b + c, i64::from(n % 8 != 0) * 5);
    let total = valid + 5;
    let halves = |name: &str, all: i64| {
        [("j", all), ("l", all / 2), ("p", all - all / 2)]
            .map(|(half, count)| (format!("{name}_{half}"), json!(count)))
    };
    let mut office = Map::new();
    office.extend([
        ("suara_sah".to_owned(), json!(valid)),
        ("suara_total".to_owned(), json!(total)),
        ("suara_tidak_sah".to_owned(), json!(spoilt)),
    ]);
    let counts = [
        ("pemilih_dpt", 290),
        ("pengguna_dpt", total - 3),
        ("pengguna_dptb", 2),
        ("pengguna_non_dpt", 1),
        ("pengguna_total", total),
    ];
    office.extend(counts.into_iter().flat_map(|(name, all)| halves(name, all)));
    // Odd halves do not add up, so the total is told by them.
    for half in ["l", "p"] {
        let parts = ["dpt", "dptb", "non_dpt"];
        let sum: i64 = parts
            .iter()
            .filter_map(|it| office.get(&format!("pengguna_{it}_{half}")).and_then(Json::as_i64))
            .sum();
        office.insert(format!("pengguna_total_{half}"), json!(sum));
    }
    let image = |at: i64| format!("https://arsip.example/pemilu/ppwp/31/01/01/{n:05}-{at}.jpg");
    json!({
        "kode_tps": format!("31010110{n:05}"),
        "body": {
            "mode": "hhcw",
            "chart": { "null": null, "100025": a, "100026": b, "100027": c },
            "images": [image(1), image(2), null],
            "administrasi": office,
            "psu": null, "ts": "2024-02-15 00:41:44", "status_suara": true, "status_adm": true
        }
    })
    .to_string()
    .into_bytes()
}

/// The same over `serde_json::Value`.
pub(crate) fn over_value(document: &[u8]) -> Option<Vec<Vec<u8>>> {
    let json: Json = serde_json::from_slice(document).ok()?;
    let (station, body) = (&json["kode_tps"], &json["body"]);
    let (votes, form) = (body["status_suara"] == true, body["status_adm"] == true);
    if !votes && !form {
        return None;
    }
    let office = &body["administrasi"];
    let chart = body["chart"].as_object();
    let cast = chart.map(|it| it.values().filter_map(Json::as_i64).sum::<i64>());
    let failed = failed(cast, &Office::of(office));
    let mut out = vec![
        json!({
            "kode_tps": station, "jenis_pemilihan": "ppwp", "lengkap": votes && form,
            "uji": failed, "dokumen": body,
        }),
        json!({
            "kode_tps": station, "versi": body["ts"], "klasifikasi": "PL.01",
            "uji": failed, "dokumen": body,
        }),
    ];
    if votes && form && failed.is_empty() {
        let chart = &body["chart"];
        let shares = json!({ "100025": chart["100025"], "100026": chart["100026"], "100027": chart["100027"] });
        let scans: Vec<&Json> =
            body["images"].as_array()?.iter().filter(|it| !it.is_null()).collect();
        out.push(json!({
            "kode_tps": station, "perolehan": shares, "administrasi": office,
            "c_hasil": scans, "diperbarui": body["ts"], "keterangan": NOTE,
        }));
        out.push(json!({
            "kode_tps": station, "perolehan": shares, "suara_sah": office["suara_sah"],
            "suara_tidak_sah": office["suara_tidak_sah"], "pengguna": office["pengguna_total_j"],
            "versi": body["ts"],
        }));
    }
    out.iter().map(|it| serde_json::to_vec(it).ok()).collect()
}

/// The names of the rules that do not hold; one whose fields are absent is not evaluated.
fn failed(cast: Option<i64>, it: &Office) -> Vec<&'static str> {
    let equal = |one: Option<i64>, other: Option<i64>| Some(one? == other?);
    let at_most = |one: Option<i64>, other: Option<i64>| Some(one? <= other?);
    let add = |one: Option<i64>, other: Option<i64>| Some(one? + other?);
    let users = add(add(it.pengguna_dpt_j, it.pengguna_dptb_j), it.pengguna_non_dpt_j);
    let halves = [
        equal(add(it.pemilih_dpt_l, it.pemilih_dpt_p), it.pemilih_dpt_j),
        equal(add(it.pengguna_dpt_l, it.pengguna_dpt_p), it.pengguna_dpt_j),
        equal(add(it.pengguna_dptb_l, it.pengguna_dptb_p), it.pengguna_dptb_j),
        equal(add(it.pengguna_non_dpt_l, it.pengguna_non_dpt_p), it.pengguna_non_dpt_j),
        equal(add(it.pengguna_total_l, it.pengguna_total_p), it.pengguna_total_j),
    ];
    let rules = [
        ("R1", equal(cast, it.suara_sah)),
        ("R2", equal(add(it.suara_sah, it.suara_tidak_sah), it.suara_total)),
        ("R3", equal(it.pengguna_total_j, it.suara_total)),
        ("R4", equal(users, it.pengguna_total_j)),
        ("R5", all(halves)),
        ("R6", at_most(it.pengguna_dpt_j, it.pemilih_dpt_j)),
        ("R7", at_most(cast, Some(306))),
        ("R8", at_most(it.pemilih_dpt_j, Some(300))),
    ];
    rules.into_iter().filter(|(_, holds)| *holds == Some(false)).map(|(name, _)| name).collect()
}

/// False where one is false; else not known where one is not known.
fn all(parts: [Option<bool>; 5]) -> Option<bool> {
    if parts.contains(&Some(false)) {
        Some(false)
    } else {
        parts.into_iter().fold(Some(true), Option::and)
    }
}

/// The same over structs for this one message.
pub(crate) fn over_structs(document: &[u8]) -> Option<Vec<Vec<u8>>> {
    let result: Station<'_> = serde_json::from_slice(document).ok()?;
    let (station, body) = (result.kode_tps.as_ref(), &result.body);
    let (votes, form) = (body.status_suara, body.status_adm);
    if !votes && !form {
        return None;
    }
    let office = &body.administrasi;
    let cast = [body.chart.one, body.chart.two, body.chart.three].into_iter().flatten().sum();
    let failed = failed(Some(cast), office);
    let versi = body.ts.as_ref();
    let mut out = vec![
        serde_json::to_vec(&Copied {
            kode_tps: station,
            jenis_pemilihan: "ppwp",
            lengkap: votes && form,
            uji: &failed,
            dokumen: body,
        }),
        serde_json::to_vec(&Filed {
            kode_tps: station,
            versi,
            klasifikasi: "PL.01",
            uji: &failed,
            dokumen: body,
        }),
    ];
    if votes && form && failed.is_empty() {
        let chart = &body.chart;
        let perolehan = Shares { one: chart.one, two: chart.two, three: chart.three };
        out.push(serde_json::to_vec(&Published {
            kode_tps: station,
            perolehan,
            administrasi: office,
            c_hasil: body.images.iter().flatten().map(AsRef::as_ref).collect(),
            diperbarui: versi,
            keterangan: NOTE,
        }));
        out.push(serde_json::to_vec(&Counted {
            kode_tps: station,
            perolehan,
            suara_sah: office.suara_sah,
            suara_tidak_sah: office.suara_tidak_sah,
            pengguna: office.pengguna_total_j,
            versi,
        }));
    }
    out.into_iter().map(Result::ok).collect()
}

#[derive(Deserialize)]
struct Station<'d> {
    #[serde(borrow)]
    kode_tps: Cow<'d, str>,
    #[serde(borrow)]
    body: Body<'d>,
}

#[derive(Deserialize, Serialize)]
struct Body<'d> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    mode: Option<Cow<'d, str>>,
    chart: Chart,
    #[serde(borrow)]
    images: Vec<Option<Cow<'d, str>>>,
    administrasi: Office,
    #[serde(borrow)]
    psu: Option<Cow<'d, str>>,
    #[serde(borrow)]
    ts: Cow<'d, str>,
    status_suara: bool,
    status_adm: bool,
}

#[derive(Deserialize, Serialize)]
struct Chart {
    #[serde(rename = "null")]
    none: Option<i64>,
    #[serde(rename = "100025")]
    one: Option<i64>,
    #[serde(rename = "100026")]
    two: Option<i64>,
    #[serde(rename = "100027")]
    three: Option<i64>,
}

#[derive(Serialize, Clone, Copy)]
struct Shares {
    #[serde(rename = "100025")]
    one: Option<i64>,
    #[serde(rename = "100026")]
    two: Option<i64>,
    #[serde(rename = "100027")]
    three: Option<i64>,
}

#[derive(Deserialize, Serialize)]
struct Office {
    suara_sah: Option<i64>,
    suara_total: Option<i64>,
    suara_tidak_sah: Option<i64>,
    pemilih_dpt_j: Option<i64>,
    pemilih_dpt_l: Option<i64>,
    pemilih_dpt_p: Option<i64>,
    pengguna_dpt_j: Option<i64>,
    pengguna_dpt_l: Option<i64>,
    pengguna_dpt_p: Option<i64>,
    pengguna_dptb_j: Option<i64>,
    pengguna_dptb_l: Option<i64>,
    pengguna_dptb_p: Option<i64>,
    pengguna_total_j: Option<i64>,
    pengguna_total_l: Option<i64>,
    pengguna_total_p: Option<i64>,
    pengguna_non_dpt_j: Option<i64>,
    pengguna_non_dpt_l: Option<i64>,
    pengguna_non_dpt_p: Option<i64>,
}

impl Office {
    fn of(json: &Json) -> Self {
        let number = |name: &str| json[name].as_i64();
        Self {
            suara_sah: number("suara_sah"),
            suara_total: number("suara_total"),
            suara_tidak_sah: number("suara_tidak_sah"),
            pemilih_dpt_j: number("pemilih_dpt_j"),
            pemilih_dpt_l: number("pemilih_dpt_l"),
            pemilih_dpt_p: number("pemilih_dpt_p"),
            pengguna_dpt_j: number("pengguna_dpt_j"),
            pengguna_dpt_l: number("pengguna_dpt_l"),
            pengguna_dpt_p: number("pengguna_dpt_p"),
            pengguna_dptb_j: number("pengguna_dptb_j"),
            pengguna_dptb_l: number("pengguna_dptb_l"),
            pengguna_dptb_p: number("pengguna_dptb_p"),
            pengguna_total_j: number("pengguna_total_j"),
            pengguna_total_l: number("pengguna_total_l"),
            pengguna_total_p: number("pengguna_total_p"),
            pengguna_non_dpt_j: number("pengguna_non_dpt_j"),
            pengguna_non_dpt_l: number("pengguna_non_dpt_l"),
            pengguna_non_dpt_p: number("pengguna_non_dpt_p"),
        }
    }
}

#[derive(Serialize)]
struct Copied<'d> {
    kode_tps: &'d str,
    jenis_pemilihan: &'d str,
    lengkap: bool,
    uji: &'d [&'d str],
    dokumen: &'d Body<'d>,
}

#[derive(Serialize)]
struct Filed<'d> {
    kode_tps: &'d str,
    versi: &'d str,
    klasifikasi: &'d str,
    uji: &'d [&'d str],
    dokumen: &'d Body<'d>,
}

#[derive(Serialize)]
struct Published<'d> {
    kode_tps: &'d str,
    perolehan: Shares,
    administrasi: &'d Office,
    c_hasil: Vec<&'d str>,
    diperbarui: &'d str,
    keterangan: &'d str,
}

#[derive(Serialize)]
struct Counted<'d> {
    kode_tps: &'d str,
    perolehan: Shares,
    suara_sah: Option<i64>,
    suara_tidak_sah: Option<i64>,
    pengguna: Option<i64>,
    versi: &'d str,
}
