//! Which names mean the same: word by word, in Indonesian and English.

use crate::diagnostic::similarity;

/// Words that stand for each other. The first of a row stands for all of it.
const SYNONYMS: &[&[&str]] = &[
    &["nama", "name", "nm"],
    &["tanggal", "date", "tgl"],
    &["nomor", "number", "no", "nomer", "num", "nr"],
    &["jumlah", "amount", "total", "quantity", "qty", "count", "banyak"],
    &["alamat", "address", "addr"],
    &["kota", "city", "town"],
    &["provinsi", "province", "prov", "propinsi", "state"],
    &["kabupaten", "regency", "kab"],
    &["kecamatan", "district", "kec"],
    &["desa", "village", "kelurahan", "kel"],
    &["wilayah", "region", "daerah", "area"],
    &["negara", "country"],
    &["kode", "code", "kd"],
    &["jenis", "type", "kind", "tipe", "kategori", "category"],
    &[
        "keterangan",
        "description",
        "note",
        "notes",
        "catatan",
        "remark",
        "remarks",
        "deskripsi",
        "desc",
    ],
    &["judul", "title"],
    &["perihal", "subject", "hal"],
    &["isi", "content", "body", "text", "teks"],
    &["pengirim", "sender", "from", "dari"],
    &["penerima", "recipient", "receiver", "to", "kepada"],
    &["surat", "letter", "naskah", "document", "dokumen", "doc"],
    &["lampiran", "attachment", "attachments"],
    &["berkas", "file", "files"],
    &["pegawai", "employee", "employees", "karyawan", "staff"],
    &[
        "pelaksana",
        "peserta",
        "participant",
        "participants",
        "traveller",
        "travellers",
        "attendee",
        "attendees",
    ],
    &["jabatan", "position", "job"],
    &["pangkat", "rank"],
    &["golongan", "grade"],
    &["unit", "unor", "department", "departemen", "bagian", "division"],
    &["instansi", "agency", "lembaga", "organization", "organisation", "organisasi"],
    &["lahir", "birth", "born"],
    &["tempat", "place", "location", "lokasi", "venue"],
    &["mulai", "start", "begin", "berangkat", "departure", "awal"],
    &["selesai", "end", "finish", "kembali", "return", "akhir", "until"],
    &["waktu", "time", "timestamp", "ts"],
    &["jam", "hour"],
    &["hari", "day", "days"],
    &["bulan", "month"],
    &["tahun", "year", "thn"],
    &["dibuat", "created", "pembuatan"],
    &["diubah", "updated", "modified", "perubahan"],
    &["telepon", "phone", "telp", "telephone", "hp", "mobile"],
    &["surel", "email", "mail"],
    &["pengguna", "user", "username"],
    &["kelamin", "gender", "sex", "jk"],
    &["sifat", "classification", "klasifikasi"],
    &["acara", "event", "kegiatan", "activity", "agenda"],
    &["harga", "price"],
    &["biaya", "cost", "fee"],
    &["tujuan", "destination", "purpose"],
    &["alasan", "reason"],
    &["gambar", "image", "foto", "photo"],
    &["tautan", "link", "url"],
    &["ukuran", "size"],
    &["pesan", "message"],
];

/// The words of a name, each as the one that stands for it: `tglLahir` and `birth_date` are alike.
pub(super) fn words(name: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut before = ' ';
    for (at, letter) in name.char_indices() {
        let breaks = !letter.is_alphanumeric() || letter.is_uppercase() && before.is_lowercase();
        if breaks {
            words.push(name.get(start..at).unwrap_or_default());
            start = if letter.is_alphanumeric() { at } else { at + letter.len_utf8() };
        }
        before = letter;
    }
    words.push(name.get(start..).unwrap_or_default());
    words.retain(|it| !it.is_empty());
    words.into_iter().map(standing_for).collect()
}

fn standing_for(word: &str) -> &str {
    let row = SYNONYMS.iter().find(|row| row.iter().any(|it| it.eq_ignore_ascii_case(word)));
    row.and_then(|it| it.first()).copied().unwrap_or(word)
}

/// Why two names may mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alike {
    /// Some of the words are the same, or the letters nearly are.
    Nearly,
    /// Each word means the same.
    Meaning,
    /// They are the same.
    Name,
}

/// How much two names are alike, from 0 to 1, and why; nothing if they are not.
pub(super) fn alike(left: &str, right: &str) -> Option<(f64, Alike)> {
    /// Letters below which names that are nearly written alike mean different things.
    const LETTERS_MIN: usize = 5;
    /// How alike two names must be written to be taken for the same one, misspelt.
    const SIMILAR: f64 = 0.93;
    if left == right {
        return Some((1.0, Alike::Name));
    }
    let lower = |it: Vec<&str>| -> Vec<String> {
        let mut words: Vec<_> = it.iter().map(|it| it.to_lowercase()).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    let (left_words, right_words) = (lower(words(left)), lower(words(right)));
    if left_words == right_words {
        return Some((0.9, Alike::Meaning));
    }
    let common = left_words.iter().filter(|it| right_words.contains(it)).count();
    let all = left_words.len() + right_words.len() - common;
    let share = common as f64 / all.max(1) as f64;
    let written =
        if left.len().min(right.len()) < LETTERS_MIN { 0.0 } else { similarity(left, right) };
    if share < 0.5 && written < SIMILAR {
        return None;
    }
    Some((0.8 * share.max(if SIMILAR <= written { written } else { 0.0 }), Alike::Nearly))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_word_by_word_in_both_languages() {
        let cases = [
            ("nama", "nama", Some(Alike::Name)),
            ("nama", "name", Some(Alike::Meaning)),
            ("tanggal_lahir", "birthDate", Some(Alike::Meaning)),
            ("nomor_surat", "letter-number", Some(Alike::Meaning)),
            ("nomor_spd", "nomor", Some(Alike::Nearly)),
            ("jenis_kelamin", "jenis_kelamim", Some(Alike::Nearly)),
            ("nip", "nik", None),
            ("total", "tujuan", None),
        ];
        for (left, right, expected) in cases {
            assert_eq!(alike(left, right).map(|(_, why)| why), expected, "{left} {right}");
        }
    }
}
