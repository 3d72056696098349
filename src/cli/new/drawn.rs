//! A drawn `map` as a tree: what each field may be set to, the best first, and what is left when the
//! types of both ends do not let that pass.

use super::yaml::{key, text};
use crate::{
    route::{Refusal, refused},
    step::Schema,
};

/// A field of the body that is drawn.
pub(super) enum Drawn {
    /// Without a value: a comment says what it would be.
    Open(Open),
    /// With one of these values, the first.
    Value(Open, Vec<Choice>),
    /// An object, or, with the expression of an array, one for each item of it.
    Inside(Open, Option<String>, Vec<Drawn>),
}

/// Of which field is spoken.
#[derive(Clone)]
pub(super) struct Open {
    /// Its names from the outermost on, `[]` for the items of an array.
    pub(super) names: Vec<String>,
    /// Its type, for a person.
    pub(super) what: String,
    /// Whether the target requires it.
    pub(super) required: bool,
    /// What was guessed first, and would not be taken.
    pub(super) refused: Option<String>,
}

/// A value, as `map` writes it, and why it was guessed.
#[derive(Clone)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) why: String,
}

impl Open {
    fn name(&self) -> &str {
        self.names.iter().rev().find(|it| *it != "[]").map_or("", String::as_str)
    }

    /// As `check` names it: `peserta[].nip`.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for name in &self.names {
            if !path.is_empty() && name != "[]" {
                path.push('.');
            }
            path.push_str(name);
        }
        path
    }

    fn comment(&self) -> String {
        let name = self.name().replace(char::is_control, " ");
        let refused = self.refused.as_ref();
        let refused = refused.map(|it| format!("; `{it}` may not fit")).unwrap_or_default();
        match self.required {
            true => format!("# to do: {name}, required: {}{refused}", self.what),
            false => format!("# no guess: {name}: {}{refused}", self.what),
        }
    }
}

impl Drawn {
    fn open(&self) -> &Open {
        match self {
            Self::Open(open) | Self::Value(open, _) | Self::Inside(open, ..) => open,
        }
    }

    /// The lines before those of what is inside.
    fn head(&self) -> usize {
        if let Self::Inside(_, Some(_), _) = self { 3 } else { 1 }
    }

    fn height(&self) -> usize {
        match self {
            Self::Inside(_, _, inner) => {
                self.head() + inner.iter().map(Self::height).sum::<usize>()
            }
            Self::Open(_) | Self::Value(..) => 1,
        }
    }

    fn draw(&self, indent: usize, lines: &mut Vec<String>) {
        let mut line = |indent: usize, text: String| {
            lines.push(format!("{:1$}{text}", "", indent * 2));
        };
        match self {
            Self::Open(open) => line(indent, open.comment()),
            Self::Value(open, choices) => {
                if let Some(Choice { value, why }) = choices.first() {
                    line(indent, format!("{}: {value}  # guess: check ({why})", key(open.name())));
                }
            }
            Self::Inside(open, each, inner) => {
                line(indent, format!("{}:", key(open.name())));
                let mut below = indent + 1;
                if let Some(each) = each {
                    line(below, format!("$each: {}  # guess: check", text(each)));
                    line(below, "$map:".to_owned());
                    below += 1;
                }
                inner.iter().for_each(|it| it.draw(below, lines));
            }
        }
    }

    /// How many fields have a value.
    fn made(&self) -> usize {
        match self {
            Self::Open(_) => 0,
            Self::Value(..) => 1,
            Self::Inside(_, _, inner) => made(inner),
        }
    }

    fn collect_lacking(&self, lacking: &mut Vec<String>) {
        match self {
            Self::Open(open) if open.required => lacking.push(open.path()),
            Self::Open(_) | Self::Value(..) => {}
            Self::Inside(_, _, inner) => {
                inner.iter().for_each(|it| it.collect_lacking(lacking));
            }
        }
    }

    /// Takes the value that stands here for one that cannot be: the next one takes its place, or a
    /// comment. Says whether there was anything to take out.
    fn give_up(&mut self) -> bool {
        let mut open = self.open().clone();
        match self {
            Self::Open(_) => return false,
            Self::Value(own, choices) => {
                let refused = choices.first().map(|it| it.value.clone());
                own.refused = own.refused.take().or(refused);
                if 1 < choices.len() {
                    choices.remove(0);
                    return true;
                }
                open.refused.clone_from(&own.refused);
            }
            Self::Inside(..) => {}
        }
        *self = Self::Open(open);
        true
    }
}

/// Below this node: those that a refusal is about, by their path.
fn at_path<'d>(drawn: &'d mut [Drawn], path: &str) -> Option<&'d mut Drawn> {
    for one in drawn {
        let own = one.open().path();
        let rest = path.strip_prefix(&own);
        let is_inside = rest.is_some_and(|it| it.starts_with(['.', '[']));
        match one {
            _ if path == own => return Some(one),
            // A value from the source with something in it that does not fit.
            Drawn::Value(..) if is_inside => return Some(one),
            // The items of an array that is drawn one by one.
            Drawn::Inside(_, Some(_), _) if rest == Some("[]") => return Some(one),
            Drawn::Inside(_, _, inner) if is_inside => return at_path(inner, path),
            _ => {}
        }
    }
    None
}

/// The node in whose lines a line is, the first of these `drawn` being line 0.
fn at_line(drawn: &mut [Drawn], mut line: usize) -> Option<&mut Drawn> {
    for one in drawn {
        let (head, height) = (one.head(), one.height());
        if line < height {
            if line < head {
                return Some(one);
            }
            let Drawn::Inside(_, _, inner) = one else { return None };
            return at_line(inner, line - head);
        }
        line -= height;
    }
    None
}

/// Objects without any field that has a value are none.
pub(super) fn prune(drawn: &mut [Drawn]) {
    for one in drawn {
        if let Drawn::Inside(_, _, inner) = one {
            prune(inner);
            if made(inner) == 0 {
                one.give_up();
            }
        }
    }
}

/// How many fields have a value.
pub(super) fn made(drawn: &[Drawn]) -> usize {
    drawn.iter().map(Drawn::made).sum()
}

/// Fields that the target requires and that have none. What is in one is lacking together with it.
pub(super) fn lacking(drawn: &[Drawn]) -> Vec<String> {
    let mut found = Vec::new();
    drawn.iter().for_each(|it| it.collect_lacking(&mut found));
    found
}

/// The lines, without indentation before the outermost.
pub(super) fn lines(drawn: &[Drawn]) -> Vec<String> {
    let mut lines = Vec::new();
    drawn.iter().for_each(|it| it.draw(0, &mut lines));
    lines
}

/// Gives up every value that `to` may refuse of messages that fit `from`, as `check` would find it.
pub(super) fn hold(drawn: &mut [Drawn], from: &Schema, to: &Schema) {
    loop {
        prune(drawn);
        if made(drawn) == 0 {
            return;
        }
        let text = lines(drawn).join("\n") + "\n";
        let Some(found) = refused(&text, from, to) else { return };
        let mut is_better = false;
        // From below, so that the lines above stay where they are.
        let of_line = |it: &Refusal| usize::try_from(it.line).unwrap_or(0);
        let mut wrong: Vec<_> = found.iter().filter(|it| it.field.is_none()).map(of_line).collect();
        wrong.sort_unstable_by(|left, right| right.cmp(left));
        wrong.dedup();
        for line in wrong {
            let at = line.checked_sub(1).and_then(|it| at_line(drawn, it));
            is_better |= at.is_some_and(Drawn::give_up);
        }
        let mut fields: Vec<_> = found.iter().filter_map(|it| it.field.as_deref()).collect();
        fields.sort_unstable();
        fields.dedup();
        for field in fields {
            is_better |= at_path(drawn, field).is_some_and(Drawn::give_up);
        }
        // What is left is about fields that have no value.
        if !is_better {
            return;
        }
    }
}
