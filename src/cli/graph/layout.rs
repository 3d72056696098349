//! Where the boxes of a drawing stand: three columns, ordered so that lines cross little.

use super::{Graph, Part};

/// Pixels between two boxes of a column.
const GAP: f64 = 18.0;
/// Pixels of a box above and below its text.
const PADDING: f64 = 10.0;
/// Pixels from one line of text to the next.
pub(super) const LINE: f64 = 20.0;
/// Pixels between two columns, for the lines.
const CHANNEL: f64 = 150.0;
/// Pixels that a letter of 13 pixels takes, with some to spare: no font is at hand to ask.
const LETTER: f64 = 7.6;
/// Letters of a title that are shown.
pub(super) const TITLE_MAX: usize = 44;
/// Pixels around the drawing.
pub(super) const MARGIN: f64 = 24.0;
/// Times that the columns are ordered by each other: more changes nothing any more.
const ROUNDS: usize = 4;

/// A box and where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placed {
    /// Which of its column.
    pub(super) index: usize,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The whole drawing: the boxes of its columns by their index in the graph, and its size.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) senders: Vec<Placed>,
    pub(super) routes: Vec<Placed>,
    pub(super) receivers: Vec<Placed>,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Placed {
    /// Where a line of the box is: its middle.
    pub(super) fn line_y(&self, lines_above: usize, line: usize) -> f64 {
        self.y + PADDING + LINE * (count(lines_above + line) + 0.5)
    }

    /// The middle of the box.
    pub(super) fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "boxes and letters of a drawing, far below 2^52")]
pub(super) fn count(it: usize) -> f64 {
    it as f64
}

/// Lines of text that a box shows above those that lines of the drawing begin at.
pub(super) fn head(part: &Part) -> usize {
    if part.title.is_empty() { 1 } else { 2 }
}

pub(super) fn layout(graph: &Graph) -> Layout {
    let mut orders =
        [order(graph.senders.len()), order(graph.routes.len()), order(graph.receivers.len())];
    for _ in 0..ROUNDS {
        by_neighbours(graph, &mut orders);
    }
    let columns = [&graph.senders, &graph.routes, &graph.receivers];
    let heights = columns.map(|parts| {
        let all: f64 = parts.iter().map(|it| height(it) + GAP).sum();
        (all - GAP).max(0.0)
    });
    let tallest = heights.iter().copied().fold(0.0, f64::max);
    let mut layout = Layout { height: tallest + 2.0 * MARGIN, ..Layout::default() };
    let mut x = MARGIN;
    for (column, (parts, order)) in columns.iter().zip(&orders).enumerate() {
        let width = parts.iter().map(width).fold(0.0, f64::max);
        let own = heights.get(column).copied().unwrap_or_default();
        let mut y = MARGIN + (tallest - own) / 2.0;
        let mut placed = Vec::new();
        for index in order {
            let Some(part) = parts.get(*index) else { continue };
            placed.push(Placed { index: *index, x, y, width, height: height(part) });
            y += height(part) + GAP;
        }
        placed.sort_by_key(|it| it.index);
        match column {
            0 => layout.senders = placed,
            1 => layout.routes = placed,
            _ => layout.receivers = placed,
        }
        x += width + CHANNEL;
    }
    layout.width = x - CHANNEL + MARGIN;
    layout
}

fn order(count: usize) -> Vec<usize> {
    (0..count).collect()
}

fn height(part: &Part) -> f64 {
    2.0 * PADDING + LINE * count(head(part) + part.lines.len())
}

fn width(part: &Part) -> f64 {
    let letters = |it: &str| it.chars().count();
    let lines = part.lines.iter().map(|it| letters(it) + 4);
    let title = letters(&part.title).min(TITLE_MAX + 1);
    let most = lines.chain([letters(&part.name), title]).max().unwrap_or_default();
    2.0 * PADDING + LETTER * count(most)
}

/// Puts each box where the boxes that it is joined to are, on average.
fn by_neighbours(graph: &Graph, orders: &mut [Vec<usize>; 3]) {
    let place = |order: &[usize], index: usize| {
        count(order.iter().position(|it| *it == index).unwrap_or_default())
    };
    let [senders, routes, receivers] = orders;
    let mean = |all: Vec<f64>| all.iter().sum::<f64>() / count(all.len().max(1));
    let of = |column: &mut Vec<usize>, other: &[usize], is_route: bool, to_route: bool| {
        let mut rated: Vec<(f64, usize)> = column
            .iter()
            .map(|index| {
                let joined = graph.edges.iter().filter(|it| {
                    it.to_route == to_route
                        && *index == if is_route { it.route } else { it.system.0 }
                });
                let places = joined
                    .map(|it| place(other, if is_route { it.system.0 } else { it.route }))
                    .collect();
                (mean(places), *index)
            })
            .collect();
        rated.sort_by(|left, right| left.0.total_cmp(&right.0));
        *column = rated.into_iter().map(|(_, index)| index).collect();
    };
    of(routes, senders, true, true);
    of(receivers, routes, false, false);
    of(routes, receivers, true, false);
    of(senders, routes, false, true);
}
