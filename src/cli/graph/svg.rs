//! A drawing as SVG, drawn here: no other program is needed to look at it but a browser.

use std::fmt::Write as _;

use super::{
    Graph, Part,
    layout::{LINE, Layout, MARGIN, Placed, TITLE_MAX, head, layout},
};

/// Pixels by which text stands inside of a box.
const INSET: f64 = 10.0;

const STYLE: &str = "\
text { font: 13px sans-serif; fill: #1f2933 }
.name { font-weight: 600 }
.title { fill: #52606d }
.port { font-family: monospace; font-size: 12px }
.system { fill: #f5f7fa; stroke: #9aa5b1 }
.route { fill: #e3f0ff; stroke: #4a7fb5 }
.edge { fill: none; stroke: #4a7fb5; stroke-width: 1.4 }
.sometimes { stroke-dasharray: 6 4 }
.times { font-size: 11px; fill: #4a7fb5 }";

pub(super) fn draw(graph: &Graph) -> String {
    let layout = layout(graph);
    let (width, height) = (layout.width, layout.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n<title>simpul: {} routes</title>\n\
         <style>{STYLE}</style>\n<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" \
         markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\" fill=\"#4a7fb5\"/>\
         </marker></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        graph.routes.len()
    );
    if graph.routes.is_empty() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "<text x=\"{MARGIN}\" y=\"{MARGIN}\">no routes</text>");
    }
    edges(graph, &layout, &mut out);
    for (parts, placed, class) in [
        (&graph.senders, &layout.senders, "system"),
        (&graph.routes, &layout.routes, "route"),
        (&graph.receivers, &layout.receivers, "system"),
    ] {
        for (part, at) in parts.iter().zip(placed) {
            part_at(part, at, class, &mut out);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn edges(graph: &Graph, layout: &Layout, out: &mut String) {
    for edge in &graph.edges {
        let (parts, placed) = match edge.to_route {
            true => (&graph.senders, &layout.senders),
            false => (&graph.receivers, &layout.receivers),
        };
        let (Some(part), Some(system), Some(route)) =
            (parts.get(edge.system.0), placed.get(edge.system.0), layout.routes.get(edge.route))
        else {
            continue;
        };
        let port = system.line_y(head(part), edge.system.1);
        let (from, to) = match edge.to_route {
            true => ((system.x + system.width, port), (route.x, route.middle())),
            false => ((route.x + route.width, route.middle()), (system.x, port)),
        };
        let bend = (to.0 - from.0) / 2.0;
        let sometimes = if edge.conditional { " sometimes" } else { "" };
        let _ = writeln!(
            out,
            "<path class=\"edge{sometimes}\" marker-end=\"url(#arrow)\" d=\"M{:.1},{:.1} C{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}\"/>",
            from.0,
            from.1,
            from.0 + bend,
            from.1,
            to.0 - bend,
            to.1,
            to.0,
            to.1
        );
        if edge.each {
            let (x, y) = (to.0 - 24.0, to.1 - 5.0);
            let _ = writeln!(out, "<text class=\"times\" x=\"{x:.1}\" y=\"{y:.1}\">×n</text>");
        }
    }
}

fn part_at(part: &Part, at: &Placed, class: &str, out: &mut String) {
    let radius = if class == "route" { 12 } else { 3 };
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{radius}\"/>",
        at.x, at.y, at.width, at.height
    );
    let mut write = |class: &str, line: usize, text: &str| {
        let (x, y) = (at.x + INSET, at.line_y(0, line) + LINE / 4.0);
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            escaped(text)
        );
    };
    write("name", 0, &part.name);
    if !part.title.is_empty() {
        write("title", 1, &cut(&part.title));
    }
    for (index, line) in part.lines.iter().enumerate() {
        write("port", head(part) + index, &format!("• {line}"));
    }
}

/// What fits into a box of a title.
fn cut(title: &str) -> String {
    let mut letters = title.chars();
    let mut short: String = letters.by_ref().take(TITLE_MAX).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}

/// Text as XML has it; control characters, which it has not, are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().filter(|it| !it.is_control()) {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}
