//! Where the boxes of the map stand: three columns, ordered so that lines cross little.

use super::{Map, Node, RouteNode, places};

/// Pixels around the drawing, and from its upper end to the boxes.
const MARGIN: f64 = 10.0;
/// Room for the headings of the columns.
const HEADING: f64 = 26.0;
/// Pixels between two boxes of a column.
const GAP: f64 = 12.0;
/// Pixels of a box above and below its text.
const PADDING: f64 = 8.0;
/// Pixels from one line of text to the next.
pub(super) const LINE: f64 = 18.0;
/// How wide the box of a system is, and that of a route.
pub(super) const SYSTEM: f64 = 196.0;
pub(super) const ROUTE: f64 = 214.0;
/// Pixels between senders and routes, and between routes and receivers: what stands on a line to
/// a target is longer.
const CHANNEL_IN: f64 = 150.0;
const CHANNEL_OUT: f64 = 236.0;
/// Times that the columns are ordered by each other: more changes nothing any more.
const ROUNDS: usize = 4;

/// A box: its upper left corner and its height.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct At {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) height: f64,
}

impl At {
    /// The middle of a line of its text.
    pub(super) fn line(self, number: usize) -> f64 {
        self.y + PADDING + LINE * (count(number) + 0.5)
    }
}

/// The boxes by their index in the map, and the size of the drawing.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) senders: Vec<At>,
    pub(super) routes: Vec<At>,
    pub(super) receivers: Vec<At>,
    pub(super) width: f64,
    pub(super) height: f64,
}

#[expect(clippy::cast_precision_loss, reason = "boxes of a drawing, far below 2^52")]
fn count(it: usize) -> f64 {
    it as f64
}

/// Lines of a system above those of its ports.
pub(super) fn head(node: &Node) -> usize {
    if node.title.is_empty() { 1 } else { 2 }
}

fn system_height(node: &Node) -> f64 {
    2.0 * PADDING + LINE * count(head(node) + node.ports.len())
}

fn route_height(route: &RouteNode) -> f64 {
    2.0 * PADDING + LINE * count(1 + route.exits.len())
}

pub(super) fn layout(map: &Map) -> Layout {
    let orders = order(map);
    let heights = [
        map.senders.iter().map(system_height).collect::<Vec<_>>(),
        map.routes.iter().map(route_height).collect(),
        map.receivers.iter().map(system_height).collect(),
    ];
    let totals = heights.each_ref().map(|all| all.iter().map(|it| it + GAP).sum::<f64>() - GAP);
    let tallest = totals.iter().copied().fold(0.0, f64::max);
    let routes_x = MARGIN + SYSTEM + CHANNEL_IN;
    let xs = [MARGIN, routes_x, routes_x + ROUTE + CHANNEL_OUT];
    let mut columns = xs.into_iter().zip(&heights).zip(totals).zip(&orders).map(
        |(((x, heights), total), order)| {
            let mut placed = vec![At::default(); heights.len()];
            let mut y = HEADING + (tallest - total) / 2.0;
            for index in order {
                let height = heights.get(*index).copied().unwrap_or_default();
                if let Some(at) = placed.get_mut(*index) {
                    *at = At { x, y, height };
                }
                y += height + GAP;
            }
            placed
        },
    );
    let mut next = || columns.next().unwrap_or_default();
    let (senders, routes, receivers) = (next(), next(), next());
    let width = routes_x + ROUTE + CHANNEL_OUT + SYSTEM + MARGIN;
    Layout { senders, routes, receivers, width, height: HEADING + tallest + MARGIN }
}

/// In which order the boxes of each column stand: each where those stand that it is joined to, on
/// average.
fn order(map: &Map) -> [Vec<usize>; 3] {
    let by_name = |mut all: Vec<(usize, &str)>| -> Vec<usize> {
        all.sort_by_key(|(_, name)| *name);
        all.into_iter().map(|(index, _)| index).collect()
    };
    let mut senders = by_name(map.senders.iter().map(|it| it.name.as_str()).enumerate().collect());
    let mut routes = by_name(map.routes.iter().map(|it| it.name.as_str()).enumerate().collect());
    let mut receivers: Vec<usize> = (0..map.receivers.len()).collect();
    for _ in 0..ROUNDS {
        let at = places(&routes);
        let of_routes = |all: Vec<usize>| mean(all.iter().filter_map(|it| at.get(it)));
        by_mean(&mut receivers, |system| {
            let joined = map.routes.iter().enumerate();
            let joined = joined.filter(|(_, it)| it.exits.iter().any(|to| to.to.0 == system));
            of_routes(joined.map(|(index, _)| index).collect())
        });
        by_mean(&mut senders, |system| {
            let joined = map.routes.iter().enumerate().filter(|(_, it)| it.from.0 == system);
            of_routes(joined.map(|(index, _)| index).collect())
        });
        let (left, right) = (places(&senders), places(&receivers));
        let (lefts, rights) = (count(senders.len().max(1)), count(receivers.len().max(1)));
        by_mean(&mut routes, |route| {
            let Some(route) = map.routes.get(route) else { return 0.0 };
            let from = mean(left.get(&route.from.0).into_iter()) / lefts;
            let to = mean(route.exits.iter().filter_map(|it| right.get(&it.to.0))) / rights;
            // What comes from one system stays together, before all.
            2.0 * from + to
        });
    }
    [senders, routes, receivers]
}

fn mean<'p>(places: impl Iterator<Item = &'p usize>) -> f64 {
    let all: Vec<f64> = places.map(|it| count(*it)).collect();
    all.iter().sum::<f64>() / count(all.len().max(1))
}

fn by_mean(order: &mut [usize], mean: impl Fn(usize) -> f64) {
    order.sort_by(|left, right| mean(*left).total_cmp(&mean(*right)));
}
