//! Made-up transfer decrees, with much more on a person than any receiver may see.

use super::{orders::civil_servant, random::Random};

/// Units that people are moved to.
const UNITS: [(&str, &str); 4] = [
    ("U-01", "Subbagian Umum"),
    ("U-02", "Subbagian Data dan Informasi"),
    ("U-03", "Subbagian Hukum"),
    ("U-04", "Subbagian Teknis Penyelenggaraan"),
];

/// `count` decrees that every receiver can use.
pub(super) fn documents(count: usize, random: &mut Random) -> Vec<String> {
    (1..=count).map(|number| decree(&number.to_string(), "2026-01-10", random)).collect()
}

/// A decree as the personnel system really emits some: its date is what that system writes for
/// "none". The source takes it; the route cannot.
pub(super) fn malformed(random: &mut Random) -> String {
    decree("M1", "01-01-0001", random)
}

fn decree(number: &str, signed: &str, random: &mut Random) -> String {
    let place = random.between(0, 8);
    let nip = civil_servant(random, place);
    let (old_id, old) = random.pick(&UNITS).unwrap_or(&UNITS[0]);
    let (new_id, new) = random.pick(&UNITS).unwrap_or(&UNITS[0]);
    let kind = if random.chance(30) { "MJ" } else { "MU" };
    // One in twenty takes effect before it was signed: noted, and not refused.
    let from = if random.chance(5) { "2026-01-01" } else { "2026-02-01" };
    let digest = format!("{:064x}", random.between(1, u64::MAX - 1));
    format!(
        r#"{{"nip":"{nip}","nik":"0000004101000001","alamat":"Jalan Contoh 1","jenis_mutasi":"{kind}","nomor_sk":"{number}/HR.01.1-Kpt/13/2026","tanggal_sk":"{signed}","tmt_mutasi":"{from}","unor_asal":{{"id":"{old_id}","nama":"{old}"}},"unor_tujuan":{{"id":"{new_id}","nama":"{new}"}},"jabatan":{{"jenis":"4","kelas":7}},"dokumen":[{{"nama":"SK.pdf","sha256":"{digest}","tte":true}}]}}"#
    )
}
