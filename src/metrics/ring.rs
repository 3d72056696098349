//! Numbers of the last hour and day, in pieces that are used again and again.

use std::time::Duration;

/// Things whose last hour and day are kept: some 10 MiB.
pub(super) const RINGS_MAX: usize = 9_000;

/// A stretch of time that a chart shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    /// The last hour, in pieces of half a minute.
    Hour,
    /// The last day, in pieces of ten minutes.
    Day,
}

impl Stretch {
    /// Pieces that it is shown in.
    pub(super) const fn pieces(self) -> usize {
        match self {
            Self::Hour => 120,
            Self::Day => 144,
        }
    }

    /// How long a piece is.
    pub const fn piece(self) -> Duration {
        match self {
            Self::Hour => Duration::from_secs(30),
            Self::Day => Duration::from_mins(10),
        }
    }

    /// The number of the piece that a moment (milliseconds since 1970) is in.
    pub(super) fn at(self, ms: i64) -> i64 {
        ms.div_euclid(i64::try_from(self.piece().as_millis()).unwrap_or(i64::MAX))
    }
}

/// A number for each piece of both stretches; nothing where it was always 0.
#[derive(Default)]
pub(super) struct Ring(Option<Box<Pieces>>);

struct Pieces {
    hour: [u32; Stretch::Hour.pieces()],
    day: [u32; Stretch::Day.pieces()],
}

impl Pieces {
    fn of(&self, stretch: Stretch) -> &[u32] {
        match stretch {
            Stretch::Hour => &self.hour,
            Stretch::Day => &self.day,
        }
    }

    fn of_mut(&mut self, stretch: Stretch) -> &mut [u32] {
        match stretch {
            Stretch::Hour => &mut self.hour,
            Stretch::Day => &mut self.day,
        }
    }
}

/// The place of a piece in its ring.
pub(super) fn place(number: i64, pieces: usize) -> usize {
    let pieces = i64::try_from(pieces).unwrap_or(1);
    usize::try_from(number.rem_euclid(pieces)).unwrap_or_default()
}

impl Ring {
    /// Whether it holds anything.
    pub(super) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// All of the last hour.
    pub(super) fn hour(&self) -> u64 {
        self.0.iter().flat_map(|it| it.hour).map(u64::from).sum()
    }

    /// Empties the pieces that have begun since the reading before.
    pub(super) fn turn(&mut self, before: i64, now: i64) {
        let Some(kept) = &mut self.0 else { return };
        for stretch in [Stretch::Hour, Stretch::Day] {
            let (from, to) = (stretch.at(before), stretch.at(now));
            let pieces = kept.of_mut(stretch);
            let count = i64::try_from(pieces.len()).unwrap_or(1);
            for number in (from + 1).max(to - count + 1)..=to {
                if let Some(piece) = pieces.get_mut(place(number, stretch.pieces())) {
                    *piece = 0;
                }
            }
        }
    }

    /// Changes the piece that `now` is in, of both stretches.
    pub(super) fn put(&mut self, now: i64, rings: &mut usize, change: impl Fn(&mut u32)) {
        if self.0.is_none() {
            if RINGS_MAX <= *rings {
                return;
            }
            *rings += 1;
            let (hour, day) = ([0; Stretch::Hour.pieces()], [0; Stretch::Day.pieces()]);
            self.0 = Some(Box::new(Pieces { hour, day }));
        }
        let Some(kept) = &mut self.0 else { return };
        for stretch in [Stretch::Hour, Stretch::Day] {
            let at = place(stretch.at(now), stretch.pieces());
            if let Some(piece) = kept.of_mut(stretch).get_mut(at) {
                change(piece);
            }
        }
    }

    /// Adds what was kept to `sum`, the oldest piece first.
    pub(super) fn add_to(&self, sum: &mut [u64], stretch: Stretch, now: i64) {
        let Some(kept) = &self.0 else { return };
        let pieces = kept.of(stretch);
        let oldest = stretch.at(now) + 1;
        for (number, sum) in (oldest..).zip(sum) {
            let piece = pieces.get(place(number, pieces.len())).copied().unwrap_or_default();
            *sum += u64::from(piece);
        }
    }
}
