//! A staff record of 1.1 KiB and its 12-field map: nested selects, a filter over an array, text
//! put together, a date, a condition, a sum.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// The route.
pub(crate) const ROUTE: &str = "\
route: ukur
summary: Measured.
owner: Bench
from: asal.data
steps:
  - filter: $.jenis == 'MUTASI' && $.pegawai.status == 'AKTIF'
  - map:
      id: $.id
      t_ns: $.t_ns
      nip: $.pegawai.nip
      nama: ${$.pegawai.gelar_depan} ${$.pegawai.nama}, ${$.pegawai.gelar_belakang}
      lahir: $.pegawai.lahir.tanggal | date
      kota: $.pegawai.alamat.kota
      golongan: $.pegawai.golongan.kode
      satker: $.penempatan.satker.nama
      induk: $.penempatan.unit.induk.kode
      daerah: $.penempatan.satker.kode in ['1301', '1302', '1303']
      jabatan: $.jabatan[?@.aktif == true].nama | first
      tunjangan: $.tunjangan[*].jumlah | sum
      versi: $.meta.versi
      korelasi: $.meta.korelasi
to:
  - target: tujuan.terima
";

pub(crate) const SOURCE: &str = "asal.data";

pub(crate) const TARGETS: [&str; 1] = ["tujuan.terima"];

/// Record number `n`.
pub(crate) fn document(n: usize) -> Vec<u8> {
    let acting = n % 3;
    let post = |at: usize, name: &str, since: &str| json!({ "nama": name, "mulai": since, "aktif": at == acting });
    json!({
        "id": format!("019bc9a1-7d40-7000-8000-{n:012}"),
        "t_ns": 1_768_617_000_000_000_000_i64 + n as i64,
        "jenis": "MUTASI",
        "pegawai": {
            "nip": format!("19850817201001{n:04}"),
            "nama": "Siti Rahmawati",
            "gelar_depan": "Dr.",
            "gelar_belakang": "M.Si.",
            "lahir": { "tempat": "Painan", "tanggal": format!("{:02}-08-1985", 1 + n % 28) },
            "status": "AKTIF",
            "golongan": { "kode": "III/c", "nama": "Penata", "tmt": "2022-04-01" },
            "kontak": { "surel": "siti.rahmawati@kpu.example", "telepon": "0756-21000" },
            "alamat": { "jalan": "Jalan H. Agus Salim Nomor 7", "kota": "Pesisir Selatan", "kode_pos": "25611" }
        },
        "penempatan": {
            "satker": { "kode": format!("13{:02}", n % 19), "nama": "KPU Kabupaten Pesisir Selatan" },
            "unit": { "kode": "02", "nama": "Subbagian Teknis", "induk": { "kode": "1301-00", "nama": "Sekretariat" } }
        },
        "jabatan": [
            post(0, "Pengadministrasi Umum", "2010-01-04"),
            post(1, "Pengelola Teknis", "2016-07-01"),
            post(2, "Kepala Subbagian Teknis", "2024-03-01")
        ],
        "tunjangan": [
            { "kode": "TJ", "jumlah": 2_500_000 + n },
            { "kode": "TK", "jumlah": 1_250_000 },
            { "kode": "TM", "jumlah": 150_000 }
        ],
        "meta": { "korelasi": format!("simpeg-2026-{n:08}"), "sumber": "simpeg", "versi": 3 }
    })
    .to_string()
    .into_bytes()
}

/// The same over `serde_json::Value`.
pub(crate) fn over_value(document: &[u8]) -> Option<Vec<u8>> {
    let json: Json = serde_json::from_slice(document).ok()?;
    let person = &json["pegawai"];
    if json["jenis"] != "MUTASI" || person["status"] != "AKTIF" {
        return None;
    }
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let name = format!(
        "{} {}, {}",
        person["gelar_depan"].as_str()?,
        person["nama"].as_str()?,
        person["gelar_belakang"].as_str()?
    );
    let is_near =
        ["1301", "1302", "1303"].contains(&json["penempatan"]["satker"]["kode"].as_str()?);
    let post = json["jabatan"].as_array()?.iter().find(|it| it["aktif"] == true)?;
    let allowances = json["tunjangan"].as_array()?.iter().filter_map(|it| it["jumlah"].as_i64());
    let mapped = json!({
        "id": text(&json["id"]),
        "t_ns": json["t_ns"].as_i64(),
        "nip": text(&person["nip"]),
        "nama": name,
        "lahir": day(person["lahir"]["tanggal"].as_str()?)?.to_string(),
        "kota": text(&person["alamat"]["kota"]),
        "golongan": text(&person["golongan"]["kode"]),
        "satker": text(&json["penempatan"]["satker"]["nama"]),
        "induk": text(&json["penempatan"]["unit"]["induk"]["kode"]),
        "daerah": is_near,
        "jabatan": text(&post["nama"]),
        "tunjangan": allowances.sum::<i64>(),
        "versi": json["meta"]["versi"].as_i64(),
        "korelasi": text(&json["meta"]["korelasi"]),
    });
    serde_json::to_vec(&mapped).ok()
}

/// The same over structs for this one record.
pub(crate) fn over_structs(document: &[u8]) -> Option<Vec<u8>> {
    let record: Record<'_> = serde_json::from_slice(document).ok()?;
    let Record { pegawai: person, penempatan: place, .. } = &record;
    if record.jenis != "MUTASI" || person.status != "AKTIF" {
        return None;
    }
    let mapped = Mapped {
        id: &record.id,
        t_ns: record.t_ns,
        nip: &person.nip,
        nama: format!("{} {}, {}", person.gelar_depan, person.nama, person.gelar_belakang),
        lahir: day(&person.lahir.tanggal)?.to_string(),
        kota: &person.alamat.kota,
        golongan: &person.golongan.kode,
        satker: &place.satker.nama,
        induk: &place.unit.induk.kode,
        daerah: ["1301", "1302", "1303"].contains(&place.satker.kode.as_ref()),
        jabatan: &record.jabatan.iter().find(|it| it.aktif)?.nama,
        tunjangan: record.tunjangan.iter().map(|it| it.jumlah).sum(),
        versi: record.meta.versi,
        korelasi: &record.meta.korelasi,
    };
    serde_json::to_vec(&mapped).ok()
}

/// The day in `DD-MM-YYYY`.
fn day(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let [day, month] = [parts.next()?.parse().ok()?, parts.next()?.parse().ok()?];
    Date::new(parts.next()?.parse().ok()?, month, day).ok()
}

#[derive(Deserialize)]
struct Record<'d> {
    #[serde(borrow)]
    id: Cow<'d, str>,
    t_ns: i64,
    #[serde(borrow)]
    jenis: Cow<'d, str>,
    #[serde(borrow)]
    pegawai: Person<'d>,
    #[serde(borrow)]
    penempatan: Place<'d>,
    #[serde(borrow)]
    jabatan: Vec<Post<'d>>,
    tunjangan: Vec<Allowance>,
    #[serde(borrow)]
    meta: About<'d>,
}

#[derive(Deserialize)]
struct Person<'d> {
    #[serde(borrow)]
    nip: Cow<'d, str>,
    #[serde(borrow)]
    nama: Cow<'d, str>,
    #[serde(borrow)]
    gelar_depan: Cow<'d, str>,
    #[serde(borrow)]
    gelar_belakang: Cow<'d, str>,
    #[serde(borrow)]
    lahir: Birth<'d>,
    #[serde(borrow)]
    status: Cow<'d, str>,
    #[serde(borrow)]
    golongan: Code<'d>,
    #[serde(borrow)]
    alamat: Address<'d>,
}

#[derive(Deserialize)]
struct Birth<'d> {
    #[serde(borrow)]
    tanggal: Cow<'d, str>,
}

#[derive(Deserialize)]
struct Address<'d> {
    #[serde(borrow)]
    kota: Cow<'d, str>,
}

#[derive(Deserialize)]
struct Code<'d> {
    #[serde(borrow)]
    kode: Cow<'d, str>,
}

#[derive(Deserialize)]
struct Place<'d> {
    #[serde(borrow)]
    satker: Office<'d>,
    #[serde(borrow)]
    unit: Unit<'d>,
}

#[derive(Deserialize)]
struct Office<'d> {
    #[serde(borrow)]
    kode: Cow<'d, str>,
    #[serde(borrow)]
    nama: Cow<'d, str>,
}

#[derive(Deserialize)]
struct Unit<'d> {
    #[serde(borrow)]
    induk: Code<'d>,
}

#[derive(Deserialize)]
struct Post<'d> {
    #[serde(borrow)]
    nama: Cow<'d, str>,
    aktif: bool,
}

#[derive(Deserialize)]
struct Allowance {
    jumlah: i64,
}

#[derive(Deserialize)]
struct About<'d> {
    #[serde(borrow)]
    korelasi: Cow<'d, str>,
    versi: i64,
}

#[derive(Serialize)]
struct Mapped<'d> {
    id: &'d str,
    t_ns: i64,
    nip: &'d str,
    nama: String,
    lahir: String,
    kota: &'d str,
    golongan: &'d str,
    satker: &'d str,
    induk: &'d str,
    daerah: bool,
    jabatan: &'d str,
    tunjangan: i64,
    versi: i64,
    korelasi: &'d str,
}
