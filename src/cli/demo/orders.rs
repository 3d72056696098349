//! Made-up travel orders: each passes through several states, and is issued or refused.

use super::random::Random;

/// Where people travel to: codes of `tables/wilayah.csv`, and the place.
const PLACES: [(&str, &str); 6] = [
    ("31.71", "KPU RI"),
    ("13.71", "KPU Kota Padang"),
    ("13.06", "KPU Kabupaten Agam"),
    ("13.75", "Balai Kota Bukittinggi"),
    ("32", "KPU Provinsi Jawa Barat"),
    ("93", "KPU Provinsi Papua Selatan"),
];

/// Two reports on each of `count` orders: one while it waits for approval, one with its end.
/// `series` keeps the numbers of two calls apart.
pub(super) fn documents(series: &str, count: usize, random: &mut Random) -> Vec<String> {
    let mut all = Vec::with_capacity(count * 2);
    for number in 1..=count {
        let end = match random.between(1, 10) {
            1 => "DITOLAK",
            2 => "REVISI",
            _ => "TERBIT",
        };
        let reversed = random.chance(4);
        let order = Order::new(series, number, reversed, random);
        all.push(order.text("MENUNGGU_KPA"));
        all.push(order.text(end));
    }
    all
}

/// `count` orders that are issued at once and have nothing wrong with them.
pub(super) fn issued(series: &str, count: usize, random: &mut Random) -> Vec<String> {
    (1..=count).map(|number| Order::new(series, number, false, random).text("TERBIT")).collect()
}

struct Order {
    number: String,
    travellers: String,
    place: (&'static str, &'static str),
    leaves: String,
    returns: String,
    total: u64,
}

impl Order {
    fn new(series: &str, number: usize, reversed: bool, random: &mut Random) -> Self {
        let day = random.between(2, 20);
        let mut dates = [day, day + random.between(0, 7)];
        if reversed {
            // Typed the wrong way round; one day apart at least.
            dates = [day + 1, day];
        }
        let [leaves, returns] = dates.map(|it| format!("2026-02-{it:02}"));
        let travellers: Vec<_> = (1..=random.between(1, 4))
            .map(|it| {
                let role = if it == 1 { "utama" } else { "pengikut" };
                format!(r#"{{"nip":"{}","peran":"{role}"}}"#, civil_servant(random, it))
            })
            .collect();
        Self {
            number: format!("{number:03}{series}"),
            travellers: travellers.join(","),
            place: *random.pick(&PLACES).unwrap_or(&PLACES[0]),
            leaves,
            returns,
            total: random.between(4, 60) * 100_000,
        }
    }

    fn text(&self, status: &str) -> String {
        let Self { number, travellers, place: (code, place), leaves, returns, total } = self;
        format!(
            r#"{{"nomor_st":"{number}/ST/PP.05-SD/32/2026","nomor_spd":"{number}/SPD/PP.05-SD/32/2026","tanggal_terbit":"2026-02-01","pelaksana":[{travellers}],"tujuan":{{"kode_wilayah":"{code}","tempat":"{place}"}},"berangkat":"{leaves}","kembali":"{returns}","akun":"524111","total":{total},"status":"{status}","tte":{{"status":"tervalidasi"}}}}"#
        )
    }
}

/// A personnel number that is well formed and nobody's: of somebody born in 1900. `place` keeps
/// the people of one document apart.
pub(super) fn civil_servant(random: &mut Random, place: u64) -> String {
    format!("190001011920011{:03}", place * 100 + random.between(1, 99))
}
