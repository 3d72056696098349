//! Charts of the last hour and day, out of the bus's own counters: as bars in SVG, and as a table
//! for whoever cannot see them.

use maud::{Markup, html};

use super::{Visit, figures};
use crate::{
    diagnostic::{Text, text},
    message::Timestamp,
    metrics::{Chart, History, Stretch},
};

/// The drawing, in pixels: all of it, and the bars in it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 44.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 22.0;

/// Rows of the table, so that it can be listened to.
const ROWS: usize = 12;

/// A stretch as a chart of what came in, was delivered and failed, and one of what waited.
pub(super) fn chart(visit: &Visit, chart: &Chart, stretch: Stretch, history: &History) -> Markup {
    let until = history.until().unwrap_or_else(|| visit.now.as_millis());
    let name = match stretch {
        Stretch::Hour => text!("The last hour"),
        Stretch::Day => text!("The last day"),
    };
    let piece = match stretch {
        Stretch::Hour => text!("each bar is half a minute"),
        Stretch::Day => text!("each bar is ten minutes"),
    };
    html! {
        figure .chart .sheet {
            figcaption {
                strong { (visit.t(&name)) } ", " (visit.t(&piece)) ". "
                span .key .in { (visit.t(&text!("came in"))) } " "
                span .key .out { (visit.t(&text!("delivered"))) } " "
                span .key .fail { (visit.t(&text!("failed"))) }
            }
            (bars(visit, &[("in", &chart.received), ("out", &chart.delivered), ("fail", &chart.failed)], stretch, until))
            @if chart.waiting.iter().any(|it| 0 < *it) {
                figcaption { span .key .wait { (visit.t(&text!("waiting, at most"))) } }
                (bars(visit, &[("wait", &chart.waiting)], stretch, until))
            }
            (table(visit, chart, stretch, until))
        }
    }
}

/// From when on there is anything.
pub(super) fn since(visit: &Visit, history: &History) -> Markup {
    let Some(since) = history.since() else { return html! {} };
    html! {
        p .soft {
            (visit.t(&text!("Counted since the bus was started:"))) " " (visit.at(Timestamp::from_millis(since)))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "pixels of a chart")]
fn float(number: u64) -> f64 {
    number as f64
}

/// Series of numbers as bars side by side in each piece.
fn bars(visit: &Visit, series: &[(&str, &Vec<u64>)], stretch: Stretch, until: i64) -> Markup {
    let most = series.iter().flat_map(|(_, all)| all.iter().copied()).max().unwrap_or_default();
    let top = nice(most);
    let pieces = series.first().map_or(1, |(_, all)| all.len().max(1));
    let (width, height) = (WIDTH - LEFT, HEIGHT - TOP - BOTTOM);
    let step = width / float(pieces as u64);
    let bar = step / float(series.len() as u64);
    let path = |place: usize, all: &[u64]| {
        let mut path = String::new();
        for (index, number) in all.iter().enumerate().filter(|(_, it)| 0 < **it) {
            let tall = (height * float(*number) / float(top)).max(1.0);
            let x = LEFT + step * float(index as u64) + bar * float(place as u64);
            path.push_str(&format!("M{x:.1},{:.1}v-{tall:.1}h{bar:.1}v{tall:.1}z", TOP + height));
        }
        path
    };
    let base = TOP + height;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) aria-hidden="true" {
            @for part in [0.0, 0.5, 1.0] {
                @let y = base - height * part;
                line .grid x1=(LEFT) x2=(WIDTH) y1=(format!("{y:.1}")) y2=(format!("{y:.1}")) {}
            }
            text x=(LEFT - 6.0) y=(TOP + 4.0) text-anchor="end" { (visit.n(top)) }
            text x=(LEFT - 6.0) y=(base + 3.0) text-anchor="end" { "0" }
            @for (place, (class, all)) in series.iter().enumerate() {
                path class=(class) d=(path(place, all)) {}
            }
            @for quarter in 0_u8..=4 {
                @let x = LEFT + width * f64::from(quarter) / 4.0;
                @let anchor = match quarter { 0 => "start", 4 => "end", _ => "middle" };
                text x=(format!("{x:.1}")) y=(HEIGHT - 6.0) text-anchor=(anchor) {
                    (figures::hour(visit.language, at(stretch, until, pieces, pieces * usize::from(quarter) / 4)))
                }
            }
        }
    }
}

/// When a piece begins; the one behind the last, when the reading was taken.
fn at(stretch: Stretch, until: i64, pieces: usize, piece: usize) -> Timestamp {
    let long = i64::try_from(stretch.piece().as_millis()).unwrap_or(1).max(1);
    let back = i64::try_from(pieces.saturating_sub(piece)).unwrap_or_default();
    let end = until.div_euclid(long) * long + long;
    Timestamp::from_millis((end - back * long).min(until))
}

/// A round number at or above `most`, for the end of the scale.
fn nice(most: u64) -> u64 {
    let mut ten = 1_u64;
    loop {
        for part in [1, 2, 5] {
            let top = ten.saturating_mul(part);
            if most <= top && (top != 1 || most <= 1) {
                return top.max(2);
            }
        }
        ten = ten.saturating_mul(10);
        if ten == u64::MAX {
            return most;
        }
    }
}

/// The same as a table, in larger pieces.
fn table(visit: &Visit, chart: &Chart, stretch: Stretch, until: i64) -> Markup {
    let pieces = chart.received.len();
    let per_row = pieces.div_ceil(ROWS).max(1);
    let sum = |all: &[u64], row: usize| {
        all.iter().skip(row * per_row).take(per_row).copied().sum::<u64>()
    };
    let most = |all: &[u64], row: usize| {
        all.iter().skip(row * per_row).take(per_row).copied().max().unwrap_or_default()
    };
    let column = |name: Text| html! { th scope="col" .n { (visit.t(&name)) } };
    html! {
        details {
            summary { (visit.t(&text!("As a table"))) }
            table {
                thead {
                    tr {
                        th scope="col" { (visit.t(&text!("From"))) }
                        (column(text!("Came in")))
                        (column(text!("Delivered")))
                        (column(text!("Failed")))
                        (column(text!("Dead")))
                        (column(text!("Waiting")))
                    }
                }
                tbody {
                    @for row in 0..pieces.div_ceil(per_row) {
                        tr {
                            th scope="row" { (figures::hour(visit.language, at(stretch, until, pieces, row * per_row))) }
                            td .n { (visit.n(sum(&chart.received, row))) }
                            td .n { (visit.n(sum(&chart.delivered, row))) }
                            td .n { (visit.n(sum(&chart.failed, row))) }
                            td .n { (visit.n(sum(&chart.dead, row))) }
                            td .n { (visit.n(most(&chart.waiting, row))) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_with_a_round_number_above_everything() {
        let ends = [0, 1, 2, 3, 7, 10, 11, 4_999, 5_001].map(nice);
        assert_eq!(ends, [2, 2, 2, 5, 10, 10, 20, 5_000, 10_000]);
    }
}
