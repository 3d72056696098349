//! `simpul graph`: who sends to whom, as a drawing.

mod layout;
mod svg;
mod text;

use std::{collections::BTreeSet, path::Path};

use clap::ValueEnum;

use super::{CouldNot, Exit, Outcome, project, screen::say};
use crate::route::Outline;

/// Draw the systems and routes of a project
///
/// Reads the files as they are written: no variable and no secret is needed, and files with mistakes in them
/// are drawn as far as they can be read. Systems that send stand on the left, routes in the middle, systems that
/// receive on the right; a dashed line is one that not every message takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul graph > bus.mmd                        Mermaid, which GitHub shows in Markdown
  simpul graph --format svg > bus.svg
  simpul graph --format dot | dot -Tpdf > bus.pdf
  simpul graph --route sppd-terbit --format svg > sppd.svg
  simpul graph --system e-absensi               what it has to do with

Exit codes: 0 drawn, 1 there is nothing to draw, 2 it could not look.")]
pub(super) struct Args {
    /// In which form to draw
    #[arg(long, value_enum, default_value_t)]
    format: Form,

    /// Only this route; may be said more than once
    #[arg(long, value_name = "ROUTE")]
    route: Vec<String>,

    /// Only routes that this system sends to or receives from; may be said more than once
    #[arg(long, value_name = "SYSTEM")]
    system: Vec<String>,
}

/// The form of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Form {
    /// Mermaid, which GitHub, GitLab and many editors draw
    #[default]
    Mermaid,
    /// DOT, for Graphviz
    Dot,
    /// SVG, which browsers show
    Svg,
}

/// What is drawn.
#[derive(Debug, Default)]
struct Graph {
    /// Systems that send, then those that receive: one that does both stands in both.
    senders: Vec<Part>,
    routes: Vec<Part>,
    receivers: Vec<Part>,
    /// From a line of a box of one column to a line of a box of the next.
    edges: Vec<Edge>,
}

/// A box of a drawing: a title, and lines that edges begin or end at.
#[derive(Debug, Default)]
struct Part {
    name: String,
    /// What people call it.
    title: String,
    lines: Vec<String>,
}

/// A line of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    /// Whether it leads to a route, and not from one.
    to_route: bool,
    /// The system: its box and the line in it.
    system: (usize, usize),
    route: usize,
    conditional: bool,
    each: bool,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    project::look(project)?;
    let outline = Outline::read(project);
    let known = |name: &String, is: bool, what: &str| match is {
        true => Ok(()),
        false => Err(CouldNot(format!("there is no {what} `{name}`"))),
    };
    for name in &args.route {
        known(name, outline.routes.contains_key(name), "route")?;
    }
    for name in &args.system {
        known(name, outline.systems.contains_key(name), "system")?;
    }
    let graph = Graph::of(&outline, args);
    say(match args.format {
        Form::Mermaid => text::mermaid(&graph),
        Form::Dot => text::dot(&graph),
        Form::Svg => svg::draw(&graph),
    }
    .trim_end());
    Ok(if graph.routes.is_empty() { Exit::FoundWrong } else { Exit::Done })
}

impl Graph {
    fn of(outline: &Outline, args: &Args) -> Self {
        let mut graph = Self::default();
        let system_of = |endpoint: &str| endpoint.split('.').next().unwrap_or_default().to_owned();
        let wanted = |name: &str, systems: &BTreeSet<String>| {
            (args.route.is_empty() || args.route.iter().any(|it| it == name))
                && (args.system.is_empty() || args.system.iter().any(|it| systems.contains(it)))
        };
        for (name, route) in &outline.routes {
            let to = route.to.iter().map(|it| system_of(&it.target));
            let systems: BTreeSet<String> = to.chain([system_of(&route.from)]).collect();
            if !wanted(name, &systems) {
                continue;
            }
            let index = graph.routes.len();
            let title = route.summary.clone();
            graph.routes.push(Part { name: name.clone(), title, lines: vec![] });
            let system = line(&mut graph.senders, outline, &route.from);
            let edge =
                Edge { to_route: true, system, route: index, conditional: false, each: false };
            graph.edges.push(edge);
            for to in &route.to {
                let system = line(&mut graph.receivers, outline, &to.target);
                let (conditional, each) = (to.conditional, to.each);
                graph.edges.push(Edge { to_route: false, system, route: index, conditional, each });
            }
        }
        graph
    }
}

/// The box of an endpoint's system and the line of the endpoint in it; made where they lack.
fn line(boxes: &mut Vec<Part>, outline: &Outline, endpoint: &str) -> (usize, usize) {
    let (system, name) = endpoint.split_once('.').unwrap_or((endpoint, "?"));
    let index = boxes.iter().position(|it| it.name == system).unwrap_or_else(|| {
        let title = outline.systems.get(system).map(|it| it.title.clone()).unwrap_or_default();
        boxes.push(Part { name: system.to_owned(), title, lines: vec![] });
        boxes.len() - 1
    });
    let Some(found) = boxes.get_mut(index) else { return (index, 0) };
    let line = found.lines.iter().position(|it| it == name).unwrap_or_else(|| {
        found.lines.push(name.to_owned());
        found.lines.len() - 1
    });
    (index, line)
}
