//! What an expression comes to before there is a message: types in place of values, by the rules
//! of `eval`, and what can never work told at its place.
//!
//! The type of a result is wider than its values, never narrower: what is built on it (a target's
//! schema that takes whatever is sent) must hold for every message.

mod narrow;
mod operators;
mod told;

use std::ops::Range;

use super::{
    Expr, Template, ValueText,
    function::{Body, Flow, Function, Signature, date::date_type},
    node::{Kind, Literal, Lookup, Node},
    path::{Root, Step},
};
use crate::{
    diagnostic::{Code, Report, Span, Text, text},
    typing::{Items, Kinds, Members, Rest, Texts, Type},
};

/// What is known of what an expression sees.
#[derive(Debug, Clone, Copy)]
pub struct Known<'k> {
    /// `$`.
    pub body: &'k Type,
    /// `@`, where there is one.
    pub item: Option<&'k Type>,
}

/// What is known of the value of an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    /// Its type.
    pub value: Type,
    /// The part of the expression that may be nothing, so that the whole may be, as written and
    /// where: only where what is known of the message says so.
    pub nothing: Option<(String, Span)>,
}

impl Inferred {
    /// Adds to `report` that it may be nothing where a value must be: what happens then, and what
    /// to write.
    pub fn must_be_there(&self, then: Text, help: Text, report: &mut Report) {
        if let Some((part, at)) = &self.nothing {
            let message = text!("`{}` may be nothing", part);
            report.warn(*at, Code::MayBeNothing, message).label(then).help(help);
        }
    }
}

impl Expr {
    /// What is known of its value; adds to `report` what can never work.
    pub fn infer(&self, known: Known<'_>, report: &mut Report) -> Inferred {
        let mut infer = Infer::new(self.text(), self.at(), known, report);
        let value = infer.of(self.node());
        infer.inferred(value)
    }

    /// The same of a condition, which must be true or false.
    pub fn infer_condition(&self, known: Known<'_>, report: &mut Report) -> Inferred {
        let mut infer = Infer::new(self.text(), self.at(), known, report);
        let value = infer.truth(self.node());
        infer.inferred(value)
    }

    /// What is known of the body of a message for which this condition holds.
    #[must_use]
    pub fn narrow(&self, body: &Type) -> Type {
        narrow::where_it_is(self.node(), body.clone(), true)
    }
}

impl ValueText {
    /// What is known of its value; adds to `report` what can never work.
    pub fn infer(&self, known: Known<'_>, at: Span, report: &mut Report) -> Type {
        match self.parts() {
            super::value_text::Parts::Literal(text) => Type::literal(text),
            super::value_text::Parts::Expression(it) => it.infer(known, report).value,
            super::value_text::Parts::Template(it) => it.infer(known, at, report),
        }
    }
}

impl Template {
    /// What is known of its text; adds to `report` what can never work, and what may be nothing.
    /// The template stands at `at`.
    pub fn infer(&self, known: Known<'_>, at: Span, report: &mut Report) -> Type {
        let mut infer = Infer::new(self.text(), at, known, report);
        infer.template(self)
    }
}

/// An expression on the way.
pub(super) struct Infer<'i> {
    known: Known<'i>,
    text: &'i str,
    at: Span,
    report: &'i mut Report,
    /// Parts that may be nothing, so that what they stand in may be.
    nothing: Vec<Range<usize>>,
}

impl<'i> Infer<'i> {
    fn new(text: &'i str, at: Span, known: Known<'i>, report: &'i mut Report) -> Self {
        Self { known, text, at, report, nothing: Vec::new() }
    }

    fn inferred(&self, value: Type) -> Inferred {
        let culprit = self.nothing.first().filter(|_| value.absent);
        let nothing = culprit.map(|it| (self.written(it).to_owned(), self.span(it)));
        Inferred { value, nothing }
    }

    pub(super) fn span(&self, at: &Range<usize>) -> Span {
        self.at.within(self.text, at.clone())
    }

    pub(super) fn written(&self, at: &Range<usize>) -> &'i str {
        self.text.get(at.clone()).unwrap_or(self.text)
    }

    /// The type of a tree.
    fn of(&mut self, node: &Node) -> Type {
        match &node.kind {
            Kind::Literal(literal) => literal_type(literal),
            Kind::Place(place) => {
                let value = self.place(place.root, &place.steps, &node.at);
                self.may_be_nothing(&value, node);
                value
            }
            Kind::Nodes(path) => path.infer(self, &node.at),
            Kind::Array(items) => self.array(items),
            Kind::Not(inner) => {
                let truth = self.truth(inner);
                Type { absent: truth.absent, ..Type::boolean() }
            }
            Kind::And(parts) => self.chain(parts, true),
            Kind::Or(parts) => self.chain(parts, false),
            Kind::Compare(comparison, operands) => self.compared(node, *comparison, operands),
            Kind::In(operands) => self.contained(node, operands),
            Kind::Matches(text, _) => {
                let value = self.operand(text, Kinds::TEXT, text!("`=~` matches a text"));
                Type { absent: value.absent, ..Type::boolean() }
            }
            Kind::Negate(inner) => self.negated(inner),
            Kind::Arithmetic(first, rest) => self.arithmetic(first, rest),
            Kind::Call(function, arguments) => self.call(node, function, arguments),
            Kind::Default(pair) => {
                let value = self.of_unless_nothing(&pair[0]);
                if !value.absent {
                    return value;
                }
                let other = self.of(&pair[1]);
                Type { absent: other.absent, ..value.present().join(&other) }
            }
            Kind::Required(inner) => self.of_unless_nothing(inner).present(),
            Kind::Exists(inner) => {
                self.of_unless_nothing(inner);
                Type::boolean()
            }
            Kind::Lookup(lookup) => self.lookup(node, lookup),
            Kind::Date(text, _) => {
                let kinds = Kinds::TEXT.and(Kinds::NULL);
                let value = self.operand(text, kinds, text!("`date` takes a text"));
                if value.has_no_value() {
                    return value;
                }
                let absent = value.absent;
                Type { absent, ..date_type() }.marked(value.all_marks())
            }
        }
    }

    /// The type of a part that is looked at whether it is nothing or not.
    fn of_unless_nothing(&mut self, node: &Node) -> Type {
        let before = self.nothing.len();
        let value = self.of(node);
        self.nothing.truncate(before);
        value
    }

    fn may_be_nothing(&mut self, value: &Type, node: &Node) {
        // Of what nothing is known it is not known either.
        if value.absent && !value.unknown {
            self.nothing.push(node.at.clone());
        }
    }

    pub(super) fn root(&self, root: Root) -> Type {
        match (root, self.known.item) {
            (Root::Body, _) => self.known.body.clone(),
            (Root::Item, Some(item)) => item.clone(),
            (Root::Item, None) => Type::unknown(),
        }
    }

    /// The type at a place; what can never be there is told.
    fn place(&mut self, root: Root, steps: &[Step], at: &Range<usize>) -> Type {
        let root = self.root(root);
        self.place_in(root, steps, at)
    }

    pub(super) fn place_in(&mut self, root: Type, steps: &[Step], at: &Range<usize>) -> Type {
        let mut value = root;
        for (index, step) in steps.iter().enumerate() {
            let reached = match step {
                Step::Name(name) => value.member(name),
                Step::Index(index) => value.item(*index),
            };
            self.tell(&reached, steps.get(..=index).unwrap_or_default(), at);
            value = reached.into_type();
            if value.has_no_value() {
                // Told once: what follows from it is not.
                return Type::default();
            }
        }
        value
    }

    fn array(&mut self, items: &[Node]) -> Type {
        let types: Vec<Type> = items.iter().map(|it| self.of_unless_nothing(it)).collect();
        Type::array(Items::of(&types))
    }

    /// What a part is that must be of some kind, where it is; told where it never can be.
    fn operand(&mut self, node: &Node, kinds: Kinds, wanted: Text) -> Type {
        let value = self.of(node);
        self.must_be(&value, kinds, wanted, node);
        Type { absent: value.absent, ..value.only(kinds) }
    }

    fn call(&mut self, node: &Node, function: &Function, arguments: &[Node]) -> Type {
        let Body::Plain(_, signature) = &function.body else {
            return Type::unknown();
        };
        let Signature { takes, gives, flow } = *signature;
        let mut values = Vec::with_capacity(arguments.len());
        let (mut absent, mut open, mut marks) = (false, false, 0);
        for (index, argument) in arguments.iter().enumerate() {
            let kinds = takes.get(index).or(takes.last()).copied().unwrap_or(Kinds::ANY);
            let value = self.of(argument);
            if !value.fits(kinds) {
                let wanted = text!("`{}` takes {}", function.name, kinds.words());
                self.must_be(&value, kinds, wanted, argument);
            }
            absent |= value.absent;
            open |= value.unknown;
            marks |= match flow {
                Flow::All => value.all_marks(),
                Flow::Parts => value.marks,
                Flow::Little | Flow::Hidden => 0,
            };
            // What is of no kind that it takes never comes to a result.
            values.push(value.only(kinds).present());
        }
        if values.iter().any(Type::has_no_value) {
            return Type { absent, ..Type::default() };
        }
        let given = gives(&values);
        if given.absent && !absent && !open && !given.unknown {
            self.nothing.push(node.at.clone());
        }
        Type { absent: given.absent || absent, ..given }.marked(marks)
    }

    fn lookup(&mut self, node: &Node, lookup: &Lookup) -> Type {
        let key = self.operand(&lookup.key, Kinds::CODE, text!("a key is a text or a number"));
        let marks = key.all_marks();
        let keys = key.text.as_ref().filter(|_| key.kinds() == Kinds::TEXT && !key.absent);
        let keys = keys.and_then(|it| it.one_of.as_ref());
        let known = keys.is_some_and(|all| all.iter().all(|it| lookup.table.row(it).is_some()));
        let row = match lookup.column {
            Some(column) => {
                let cells = keys.filter(|_| known).map(|all| {
                    let rows = all.iter().filter_map(|it| lookup.table.row(it));
                    rows.filter_map(|it| it.get(column)).map(std::sync::Arc::from).collect()
                });
                Type::text(cells.map_or_else(Texts::default, Texts::among))
            }
            None => {
                let field = |name: &String| (name.as_str().into(), Type::text(Texts::default()));
                let fields = lookup.table.columns().iter().map(field).collect();
                Type::object(Members { fields, rest: Rest::Closed })
            }
        };
        if !known && !key.absent {
            self.nothing.push(node.at.clone());
        }
        Type { absent: !known, ..row }.marked(marks)
    }

    /// Adds to `report` that a value can never be of the kinds that are taken.
    pub(super) fn must_be(&mut self, value: &Type, kinds: Kinds, wanted: Text, node: &Node) {
        if value.fits(kinds) {
            return;
        }
        let has = value.kinds();
        let at = self.span(&node.at);
        let message = text!("{}, not {}", wanted, has.words());
        let found = self.report.error(at, Code::Operand, message);
        found.label(text!("this is {}", value.clone().present().words()));
        found.help(made_fit(has, kinds));
    }
}

/// How a value of the kinds `has` becomes one of the kinds `wanted`.
fn made_fit(has: Kinds, wanted: Kinds) -> Text {
    if wanted == Kinds::BOOLEAN {
        text!("compare it with a value: `== 'A'`, `> 0`; or ask whether it is there: `| exists`")
    } else if wanted.meets(Kinds::TEXT) && has == Kinds::NUMBER {
        text!("`| text` makes a text of a number")
    } else if wanted.meets(Kinds::NUMBER) && has == Kinds::TEXT {
        text!("`| number` makes a number of a text")
    } else if has == Kinds::ARRAY {
        text!("`| first` takes one item; `each` and `$each` go through all")
    } else if has == Kinds::OBJECT {
        text!("name the field in it that is meant")
    } else {
        text!("name another value, one that may be {}", wanted.words())
    }
}

impl Type {
    /// Whether some of its values may be of these kinds; what has no value at all was told before.
    fn fits(&self, kinds: Kinds) -> bool {
        let has = self.kinds();
        has.0 == 0 || has.meets(kinds)
    }
}

fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::null(),
        Literal::Bool(value) => {
            let truths = crate::typing::Truths { yes: *value, no: !*value };
            Type { truths, ..Type::default() }
        }
        Literal::Number(text) => Type::literal_number(text),
        Literal::Text(text) => Type::literal(text),
    }
}
