//! Made-up results of polling stations, with the shape and the defects of real ones.
//!
//! The real documents cannot be shipped. What was measured on them and is imitated here: two in
//! five are empty, a third is complete, the rest is half; one complete document in five breaks a
//! rule; `mode` is mostly missing; `chart` holds a key `"null"`.

use super::random::Random;

/// What one in five complete documents has wrong with it.
#[derive(Debug, Clone, Copy)]
enum Defect {
    /// A candidate's votes were misread: the votes do not add up to the valid ones.
    Votes,
    /// The invalid votes were misread.
    Invalid,
    /// The total and the invalid votes were misread alike: more ballots than voters.
    Total,
    /// One kind of voters does not add up with the others.
    Kinds,
    /// Men and women do not add up to the listed voters.
    Sexes,
    /// More listed voters came than are listed.
    Listed,
    /// A stain read as a digit: more votes than ballots.
    Stain,
    /// More voters than a station may have.
    Crowd,
}

const DEFECTS: [Defect; 8] = [
    Defect::Votes,
    Defect::Invalid,
    Defect::Total,
    Defect::Kinds,
    Defect::Sexes,
    Defect::Listed,
    Defect::Stain,
    Defect::Crowd,
];

/// A number of people: all, men, women.
#[derive(Debug, Clone, Copy, Default)]
struct People {
    all: u64,
    men: u64,
    women: u64,
}

impl People {
    fn of(all: u64, random: &mut Random) -> Self {
        let men = random.between(0, all);
        Self { all, men, women: all - men }
    }

    fn text(self, name: &str) -> String {
        let Self { all, men, women } = self;
        format!(r#""{name}_j":{all},"{name}_l":{men},"{name}_p":{women}"#)
    }
}

/// What the form of one station says.
#[derive(Debug, Clone)]
struct Form {
    votes: [u64; 3],
    valid: u64,
    invalid: u64,
    total: u64,
    listed: People,
    came_listed: People,
    came_moved: People,
    came_other: People,
    came: People,
}

/// `count` documents `{"kode_tps","body"}`, each of its own station.
pub(super) fn documents(count: usize, random: &mut Random) -> Vec<String> {
    (0..count).map(|number| document(number, random)).collect()
}

fn document(number: usize, random: &mut Random) -> String {
    // Villages of 25 stations in a region that does not exist.
    let code = format!("00000{:05}{:03}", 1_001 + number / 25, 1 + number % 25);
    let mode = if random.chance(12) { r#""mode":"hhcw","# } else { "" };
    let (has_votes, has_administration) = match random.between(1, 100) {
        1..=42 => (false, false),
        43..=77 => (true, true),
        78..=89 => (false, true),
        _ => (true, false),
    };
    let mut form = Form::sound(random);
    if random.chance(20) {
        form.spoil(random);
    }
    let unread = !has_administration && random.chance(1);
    let chart = match (has_votes, unread) {
        (false, _) => "null".to_owned(),
        (true, true) => r#"{"null":null}"#.to_owned(),
        (true, false) => form.chart(),
    };
    let administration = if has_administration { form.administration() } else { "null".to_owned() };
    let image = if random.chance(60) {
        format!(r#""https://formulir.kpu.example/{code}-1.jpg""#)
    } else {
        "null".to_owned()
    };
    let minute = random.between(0, 59);
    format!(
        r#"{{"kode_tps":"{code}","body":{{{mode}"chart":{chart},"images":[{image},null,null],"administrasi":{administration},"psu":null,"ts":"2024-02-16 16:{minute:02}:10","status_suara":{has_votes},"status_adm":{has_administration}}}}}"#
    )
}

impl Form {
    /// A form on which everything adds up.
    fn sound(random: &mut Random) -> Self {
        let votes = [random.between(0, 90), random.between(0, 120), random.between(0, 60)];
        let valid = votes.iter().sum::<u64>();
        let invalid = random.between(0, 9);
        let total = valid + invalid;
        let moved = random.between(0, 3).min(total);
        let other = random.between(0, 7).min(total - moved);
        let came_listed = People::of(total - moved - other, random);
        let came_moved = People::of(moved, random);
        let came_other = People::of(other, random);
        let men = came_listed.men + came_moved.men + came_other.men;
        let came = People { all: total, men, women: total - men };
        // At most 279 come, so that a station never has more than 300 voters by chance.
        let listed = People::of(came_listed.all + random.between(0, 20), random);
        Self { votes, valid, invalid, total, listed, came_listed, came_moved, came_other, came }
    }

    fn spoil(&mut self, random: &mut Random) {
        for _ in 0..random.between(1, 2) {
            let by = random.between(1, 30);
            match random.pick(&DEFECTS).unwrap_or(&Defect::Votes) {
                Defect::Votes => self.votes[0] += by,
                Defect::Invalid => self.invalid += by,
                Defect::Total => {
                    self.total += by;
                    self.invalid += by;
                }
                Defect::Kinds => {
                    self.came_other.all += by;
                    self.came_other.men += by;
                }
                Defect::Sexes => self.listed.men += by,
                Defect::Listed => {
                    let all = self.came_listed.all.saturating_sub(by);
                    self.listed = People { all, men: all, women: 0 };
                }
                Defect::Stain => self.votes[1] += 500 + by,
                Defect::Crowd => {
                    self.listed = People { all: 300 + by, men: 300, women: by };
                }
            }
        }
    }

    fn chart(&self) -> String {
        let [first, second, third] = self.votes;
        format!(r#"{{"null":null,"100025":{first},"100026":{second},"100027":{third}}}"#)
    }

    fn administration(&self) -> String {
        let Self { valid, invalid, total, .. } = self;
        let people = [
            self.listed.text("pemilih_dpt"),
            self.came_listed.text("pengguna_dpt"),
            self.came_moved.text("pengguna_dptb"),
            self.came.text("pengguna_total"),
            self.came_other.text("pengguna_non_dpt"),
        ];
        format!(
            r#"{{"suara_sah":{valid},"suara_total":{total},"suara_tidak_sah":{invalid},{}}}"#,
            people.join(",")
        )
    }
}
