//! From the query that `jsonpath-rust` read to the one that is walked along.

use jsonpath_rust::parser::{model, parse_json_path};

use super::{
    Path, Place, Query, Root, Segment, Selector, Step,
    filter::{Filter, Operand, Test},
    lex::{Lexed, lex},
    pattern::{self, Pattern},
};
use crate::{
    diagnostic::{Text, text},
    expr::{
        SyntaxError,
        node::{Comparison, Literal},
        parse::Cursor,
    },
};

/// Why a query that reads well is none; the place is the whole query.
type Compiled<T> = Result<T, Text>;

/// Reads the query that starts at the cursor with `$` or `@`.
pub(in crate::expr) fn compile(cursor: &mut Cursor<'_>) -> Result<Query, SyntaxError> {
    let start = cursor.position();
    let root = if cursor.peek() == Some('@') { Root::Item } else { Root::Body };
    let Lexed { text, numbers } = lex(cursor)?;
    if let Some(query) = plain(root, &text) {
        return Ok(query);
    }
    let rooted = format!("${}", text.get(1..).unwrap_or_default());
    let query = parse_json_path(&rooted).map_err(|_| {
        cursor
            .error(start, text!("`{}` is no query of RFC 9535", cursor.since(start)))
            .help("inside `[?…]` compare single values (`@.a == 1`) or test for presence (`@.a`)")
    })?;
    Compiler { numbers }
        .query(root, &query.segments)
        .map_err(|message| cursor.error(start, message))
}

/// A query of names, indexes and wildcards, one in each segment: `$.a.b`, `$.a[*].b`. The lexer has
/// seen to everything that can be wrong with it. Most are like that, and reading them would take
/// much of the time in which files are loaded.
fn plain(root: Root, text: &str) -> Option<Query> {
    let mut selectors = Vec::new();
    let mut rest = text.get(1..)?;
    while !rest.is_empty() {
        let (selector, behind) = match rest.strip_prefix('.') {
            Some(rest) => dotted(rest)?,
            None => bracketed(rest.strip_prefix('[')?)?,
        };
        selectors.push(selector);
        rest = behind;
    }
    let is_step = |it: &Selector| matches!(it, Selector::Name(_) | Selector::Index(_));
    if !selectors.iter().all(is_step) {
        let segment = |it| Segment { descends: false, selectors: [it].into() };
        let segments = selectors.into_iter().map(segment).collect();
        return Some(Query::Path(Path { root, segments }));
    }
    let steps = selectors.into_iter().filter_map(|it| match it {
        Selector::Name(name) => Some(Step::Name(name)),
        Selector::Index(index) => Some(Step::Index(index)),
        _ => None,
    });
    Some(Query::Place(Place { root, steps: steps.collect() }))
}

/// What follows a dot, and what is behind it.
fn dotted(text: &str) -> Option<(Selector, &str)> {
    let (name, behind) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
    match name {
        "" => None,
        "*" => Some((Selector::Wildcard, behind)),
        name => Some((Selector::Name(name.into()), behind)),
    }
}

/// What follows a bracket, and what is behind the one that closes it.
fn bracketed(text: &str) -> Option<(Selector, &str)> {
    let quote = text.chars().next().filter(|it| matches!(it, '\'' | '"'));
    if let Some(quote) = quote {
        let (name, behind) = text.get(1..)?.split_once(quote)?;
        let behind = behind.strip_prefix(']').filter(|_| !name.contains('\\'))?;
        return Some((Selector::Name(name.into()), behind));
    }
    let (inside, behind) = text.split_once(']')?;
    let selector = match inside {
        "*" => Selector::Wildcard,
        index => Selector::Index(index.parse().ok()?),
    };
    Some((selector, behind))
}

struct Compiler {
    numbers: Vec<Box<str>>,
}

impl Compiler {
    fn query(&self, root: Root, segments: &[model::Segment]) -> Compiled<Query> {
        let steps: Option<Box<[Step]>> = segments.iter().map(step).collect();
        match steps {
            Some(steps) => Ok(Query::Place(Place { root, steps })),
            None => {
                let segments =
                    segments.iter().map(|it| self.segment(it)).collect::<Compiled<_>>()?;
                Ok(Query::Path(Path { root, segments }))
            }
        }
    }

    fn segment(&self, segment: &model::Segment) -> Compiled<Segment> {
        let (descends, segment) = match segment {
            model::Segment::Descendant(below) => (true, below.as_ref()),
            other => (false, other),
        };
        let selectors = match segment {
            model::Segment::Selector(selector) => [self.selector(selector)?].into(),
            model::Segment::Selectors(all) => {
                all.iter().map(|it| self.selector(it)).collect::<Compiled<_>>()?
            }
            model::Segment::Descendant(_) => return Err(text!("`..` twice in a row")),
        };
        Ok(Segment { descends, selectors })
    }

    fn selector(&self, selector: &model::Selector) -> Compiled<Selector> {
        Ok(match selector {
            model::Selector::Name(name) => Selector::Name(name.as_str().into()),
            model::Selector::Wildcard => Selector::Wildcard,
            model::Selector::Index(index) => Selector::Index(*index),
            model::Selector::Slice(start, end, step) => {
                Selector::Slice { start: *start, end: *end, step: step.unwrap_or(1) }
            }
            model::Selector::Filter(filter) => Selector::Filter(self.filter(filter)?),
        })
    }

    fn filter(&self, filter: &model::Filter) -> Compiled<Filter> {
        let all = |filters: &[model::Filter]| {
            filters.iter().map(|it| self.filter(it)).collect::<Compiled<Box<[_]>>>()
        };
        match filter {
            model::Filter::Or(filters) => Ok(Filter::Or(all(filters)?)),
            model::Filter::And(filters) => Ok(Filter::And(all(filters)?)),
            model::Filter::Atom(model::FilterAtom::Filter { expr, not }) => {
                Ok(negated(*not, self.filter(expr)?))
            }
            model::Filter::Atom(model::FilterAtom::Test { expr, not }) => {
                Ok(negated(*not, self.test(expr)?))
            }
            model::Filter::Atom(model::FilterAtom::Comparison(comparison)) => {
                self.comparison(comparison)
            }
        }
    }

    fn test(&self, test: &model::Test) -> Compiled<Filter> {
        let model::Test::Function(function) = test else {
            return Ok(Filter::Exists(self.nodes(test)?));
        };
        match function.as_ref() {
            model::TestFunction::Match(text, pattern) => self.matches(text, pattern, true),
            model::TestFunction::Search(text, pattern) => self.matches(text, pattern, false),
            other => Err(text!("`{}(…)` must be compared with a value", &name(other))),
        }
    }

    fn matches(
        &self,
        text: &model::FnArg,
        pattern: &model::FnArg,
        whole: bool,
    ) -> Compiled<Filter> {
        let text = self.argument(text)?;
        let pattern = match self.argument(pattern)? {
            Operand::Literal(Literal::Text(text)) => {
                let regex = pattern::compile(&text, whole);
                Pattern::Fixed(regex.map_err(|it| regex_message(&it))?)
            }
            Operand::Literal(_) => Pattern::Never,
            operand => Pattern::Dynamic(Box::new(operand), whole),
        };
        Ok(Filter::Matches(Box::new(text), pattern))
    }

    fn comparison(&self, comparison: &model::Comparison) -> Compiled<Filter> {
        let (left, right) = comparison.vals();
        let operands = Box::new([self.comparable(left)?, self.comparable(right)?]);
        let comparison = match comparison {
            model::Comparison::Eq(..) => Comparison::Equal,
            model::Comparison::Ne(..) => Comparison::Unequal,
            model::Comparison::Gt(..) => Comparison::Greater,
            model::Comparison::Gte(..) => Comparison::GreaterOrEqual,
            model::Comparison::Lt(..) => Comparison::Less,
            model::Comparison::Lte(..) => Comparison::LessOrEqual,
        };
        Ok(Filter::Compare(comparison, operands))
    }

    fn comparable(&self, comparable: &model::Comparable) -> Compiled<Operand> {
        match comparable {
            model::Comparable::Literal(literal) => self.literal(literal).map(Operand::Literal),
            model::Comparable::Function(function) => self.function(function),
            model::Comparable::SingularQuery(query) => {
                let (root, segments) = match query {
                    model::SingularQuery::Current(segments) => (Root::Item, segments),
                    model::SingularQuery::Root(segments) => (Root::Body, segments),
                };
                let step = |segment: &model::SingularQuerySegment| match segment {
                    model::SingularQuerySegment::Index(index) => Step::Index(*index),
                    model::SingularQuerySegment::Name(name) => Step::Name(name.as_str().into()),
                };
                Ok(Operand::Place(Place { root, steps: segments.iter().map(step).collect() }))
            }
        }
    }

    /// A function that yields a value.
    fn function(&self, function: &model::TestFunction) -> Compiled<Operand> {
        match function {
            model::TestFunction::Length(argument) => {
                self.argument(argument).map(|it| Operand::Length(Box::new(it)))
            }
            model::TestFunction::Count(argument) => {
                self.nodes_argument("count", argument).map(Operand::Count)
            }
            model::TestFunction::Value(argument) => {
                self.nodes_argument("value", argument).map(Operand::Value)
            }
            other => Err(text!("`{}(…)` is no value to compare", &name(other))),
        }
    }

    /// An argument that must be a single value.
    fn argument(&self, argument: &model::FnArg) -> Compiled<Operand> {
        let wanted = || text!("a function wants a single value: a literal or `@.name`");
        match argument {
            model::FnArg::Literal(literal) => self.literal(literal).map(Operand::Literal),
            model::FnArg::Filter(_) => Err(wanted()),
            model::FnArg::Test(test) => match test.as_ref() {
                model::Test::Function(function) => self.function(function),
                nodes => match self.nodes(nodes)? {
                    Test::Place(place) => Ok(Operand::Place(place)),
                    Test::Path(_) => Err(wanted()),
                },
            },
        }
    }

    fn nodes_argument(&self, name: &str, argument: &model::FnArg) -> Compiled<Test> {
        match argument {
            model::FnArg::Test(test) if !matches!(**test, model::Test::Function(_)) => {
                self.nodes(test)
            }
            _ => Err(text!("`{}(…)` wants a query: `@.name`, `@.*`", name)),
        }
    }

    fn nodes(&self, test: &model::Test) -> Compiled<Test> {
        let query = match test {
            model::Test::RelQuery(segments) => self.query(Root::Item, segments)?,
            model::Test::AbsQuery(query) => self.query(Root::Body, &query.segments)?,
            model::Test::Function(_) => return Err(Text::from("bug: a function is no query")),
        };
        Ok(match query {
            Query::Place(place) => Test::Place(place),
            Query::Path(path) => Test::Path(path),
        })
    }

    fn literal(&self, literal: &model::Literal) -> Compiled<Literal> {
        Ok(match literal {
            model::Literal::Null => Literal::Null,
            model::Literal::Bool(value) => Literal::Bool(*value),
            model::Literal::String(text) => Literal::Text(text.as_str().into()),
            // What was read is the index of the number as written.
            model::Literal::Int(index) => {
                let number = usize::try_from(*index).ok().and_then(|it| self.numbers.get(it));
                Literal::Number(number.ok_or("bug: a number was lost")?.clone())
            }
            model::Literal::Float(_) => return Err("bug: a number was read as a float".into()),
        })
    }
}

fn step(segment: &model::Segment) -> Option<Step> {
    match segment {
        model::Segment::Selector(model::Selector::Name(name)) => {
            Some(Step::Name(name.as_str().into()))
        }
        model::Segment::Selector(model::Selector::Index(index)) => Some(Step::Index(*index)),
        _ => None,
    }
}

fn negated(not: bool, filter: Filter) -> Filter {
    if not { Filter::Not(Box::new(filter)) } else { filter }
}

fn name(function: &model::TestFunction) -> &str {
    match function {
        model::TestFunction::Custom(name, _) => name,
        model::TestFunction::Length(_) => "length",
        model::TestFunction::Value(_) => "value",
        model::TestFunction::Count(_) => "count",
        model::TestFunction::Search(..) => "search",
        model::TestFunction::Match(..) => "match",
    }
}

/// What is wrong with a pattern, on one line.
pub(in crate::expr) fn regex_message(error: &regex::Error) -> Text {
    match error {
        regex::Error::CompiledTooBig(_) => text!("the pattern is too large"),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            text!("the pattern does not compile: {}", &last.trim_start_matches("error: "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_query_is_what_the_library_reads_in_it() {
        for text in [
            "$",
            "$.a",
            "$.a.b",
            "$.é",
            "$[0]",
            "$.a[-1].b",
            "$['a b']",
            "$[\"a.b\"]['c']",
            "$['']",
            "$[']']",
            "$.*",
            "$.a[*].b",
            "$[*][0]['x'].*",
        ] {
            let plainly = plain(Root::Body, text).unwrap();
            let query = parse_json_path(text).unwrap();
            let compiler = Compiler { numbers: Vec::new() };
            let read = compiler.query(Root::Body, &query.segments).unwrap();
            assert_eq!(format!("{plainly:?}"), format!("{read:?}"), "{text}");
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_library() {
        for text in ["$..a", "$[0,1]", "$[1:2]", "$[?@.a]", "$['a','b']", r"$['a\'b']", "$[*,0]"] {
            assert!(plain(Root::Body, text).is_none(), "{text}");
        }
    }
}
