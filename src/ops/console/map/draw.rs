//! The map as SVG.

use maud::{Markup, html};

use super::{
    Exit, Level, Map, Node, RouteNode,
    layout::{At, LINE, Layout, ROUTE, SYSTEM, head},
};
use crate::{diagnostic::text, ops::console::Visit};

/// Pixels by which text stands inside of a box.
const INSET: f64 = 10.0;
/// Letters of a name that fit into a box.
const NAME_MAX: usize = 27;
/// Letters of what stands on a line to a route, and on one to a target.
const LABEL_IN_MAX: usize = 15;
const LABEL_OUT_MAX: usize = 34;
/// Pixels that lines go straight, for what stands on them.
const STRAIGHT_IN: f64 = 86.0;
const STRAIGHT_OUT: f64 = 150.0;

pub(super) fn draw(visit: &Visit, map: &Map, layout: &Layout) -> Markup {
    let size = format!("0 0 {:.0} {:.0}", layout.width, layout.height);
    let columns = [
        (layout.senders.first(), text!("Senders")),
        (layout.routes.first(), text!("Routes")),
        (layout.receivers.first(), text!("Receivers")),
    ];
    html! {
        svg viewBox=(size) role="group" aria-label=(visit.t(&text!("Who sends to whom"))) {
            @for (at, heading) in columns {
                @if let Some(at) = at {
                    text .head x=(px(at.x)) y="16" { (visit.t(&heading)) }
                }
            }
            g aria-hidden="true" {
                @for (route, at) in map.routes.iter().zip(&layout.routes) {
                    (into_route(map, layout, route, *at))
                    @for (number, exit) in route.exits.iter().enumerate() {
                        (out_of_route(map, layout, exit, *at, number + 1))
                    }
                }
            }
            @for (node, at) in map.senders.iter().zip(&layout.senders) { (system(node, *at, false)) }
            @for (route, at) in map.routes.iter().zip(&layout.routes) { (route_box(route, *at)) }
            @for (node, at) in map.receivers.iter().zip(&layout.receivers) { (system(node, *at, true)) }
        }
    }
}

/// Where the line of a port begins or ends.
fn port_at(nodes: &[Node], places: &[At], (index, port): (usize, usize)) -> Option<(f64, f64)> {
    let (node, at) = nodes.get(index).zip(places.get(index))?;
    Some((at.x, at.line(head(node) + port)))
}

fn into_route(map: &Map, layout: &Layout, route: &RouteNode, at: At) -> Markup {
    let Some((x, y)) = port_at(&map.senders, &layout.senders, route.from) else { return html! {} };
    let (x, to) = (x + SYSTEM, at.line(0));
    let straight = at.x - STRAIGHT_IN;
    let bend = (straight - x) / 2.0;
    let path = format!(
        "M{x:.1},{y:.1} C{:.1},{y:.1} {:.1},{to:.1} {straight:.1},{to:.1} L{:.1},{to:.1}",
        x + bend,
        straight - bend,
        at.x
    );
    let class = if route.flows { "flows" } else { "" };
    html! {
        path class=(class) d=(path) {}
        text .rate x=(px(straight + 2.0)) y=(px(to - 4.0)) { (cut(&route.label, LABEL_IN_MAX)) }
    }
}

fn out_of_route(map: &Map, layout: &Layout, exit: &Exit, at: At, line: usize) -> Markup {
    let Some((x, y)) = port_at(&map.receivers, &layout.receivers, exit.to) else {
        return html! {};
    };
    let (from, out) = (at.x + ROUTE, at.line(line));
    let straight = from + STRAIGHT_OUT;
    let bend = (x - straight) / 2.0;
    let path = format!(
        "M{from:.1},{out:.1} L{straight:.1},{out:.1} C{:.1},{out:.1} {:.1},{y:.1} {x:.1},{y:.1}",
        straight + bend,
        x - bend
    );
    let level = if Level::Note <= exit.state.level { exit.state.level.class() } else { "" };
    let flows = if exit.flows && level.is_empty() { " flows" } else { "" };
    html! {
        path class={ "out " (level) (flows) } d=(path) {}
        text class={ "rate " (level) } x=(px(from + 8.0)) y=(px(out - 3.5)) {
            (cut(&exit.label, LABEL_OUT_MAX))
        }
    }
}

/// A system and its sources or targets; each target leads to its page.
fn system(node: &Node, at: At, receives: bool) -> Markup {
    let lines = head(node);
    let worst = node.ports.iter().map(|it| it.level).max().unwrap_or_default();
    let class = if receives { troubled(worst) } else { "" };
    let link = format!("/console/systems/{}", node.name);
    html! {
        a href=(link) {
            rect class=(class) x=(px(at.x)) y=(px(at.y)) width=(px(SYSTEM)) height=(px(at.height)) rx="3" {}
            text .name x=(px(at.x + INSET)) y=(px(at.line(0) + LINE / 4.0)) { (cut(&node.name, NAME_MAX)) }
            @if lines == 2 {
                text .port x=(px(at.x + INSET)) y=(px(at.line(1) + LINE / 4.0)) { (cut(&node.title, NAME_MAX)) }
            }
        }
        @for (number, port) in node.ports.iter().enumerate() {
            @let y = at.line(lines + number) + LINE / 4.0;
            @if receives {
                a href={ "/console/targets/" (port.endpoint) } {
                    text class={ "name rate " (troubled(port.level)) } x=(px(at.x + INSET)) y=(px(y)) {
                        (mark(port.level)) (cut(&port.name, NAME_MAX))
                    }
                }
            } @else {
                text .port x=(px(at.x + INSET)) y=(px(y)) { "• " (cut(&port.name, NAME_MAX)) }
            }
        }
    }
}

fn route_box(route: &RouteNode, at: At) -> Markup {
    html! {
        a href={ "/console/routes/" (route.name) } {
            rect class={ "route " (troubled(route.state.level)) } x=(px(at.x)) y=(px(at.y))
                width=(px(ROUTE)) height=(px(at.height)) rx="9" {}
            text .name x=(px(at.x + INSET)) y=(px(at.line(0) + LINE / 4.0)) {
                (mark(route.state.level)) (cut(&route.name, NAME_MAX))
            }
            @for (number, exit) in route.exits.iter().enumerate() {
                text .port text-anchor="end" x=(px(at.x + ROUTE - INSET)) y=(px(at.line(number + 1) + LINE / 4.0)) {
                    (cut(&exit.name, NAME_MAX)) " →"
                }
            }
        }
    }
}

fn troubled(level: Level) -> &'static str {
    if Level::Warn <= level { level.class() } else { "" }
}

/// What stands before the name of something that needs somebody, beside its colour.
fn mark(level: Level) -> &'static str {
    match level {
        Level::Bad => "✕ ",
        Level::Warn => "! ",
        Level::Note => "Ⅱ ",
        Level::Fine | Level::Idle => "",
    }
}

fn px(pixels: f64) -> String {
    format!("{pixels:.1}")
}

/// What fits of a text.
fn cut(text: &str, most: usize) -> String {
    let mut letters = text.chars();
    let mut short: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
}
