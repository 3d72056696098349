//! Operators and templates.

use std::ops::Range;

use super::Infer;
use crate::{
    diagnostic::{Code, Text, nearest, text},
    expr::{
        Template,
        function::{
            number::sign,
            text::{joined, text_type},
        },
        node::{Comparison, Kind, Node},
        number::Operator,
        template::Part,
    },
    typing::{Kinds, Numbers, Type},
};

impl Infer<'_> {
    /// A part that must be true or false.
    pub(super) fn truth(&mut self, node: &Node) -> Type {
        self.operand(node, Kinds::BOOLEAN, text!("a condition is true or false"))
    }

    /// `&&` and `||`.
    pub(super) fn chain(&mut self, parts: &[Node], and: bool) -> Type {
        let body = self.known.body;
        let mut narrowed = body.clone();
        let mut absent = false;
        for part in parts {
            let known = super::Known { body: &narrowed, item: self.known.item };
            let mut inner = Infer {
                known,
                text: self.text,
                at: self.at,
                report: &mut *self.report,
                nothing: std::mem::take(&mut self.nothing),
            };
            let truth = inner.truth(part);
            self.nothing = inner.nothing;
            absent |= truth.absent;
            // The next is looked at only where this was true; or nothing, where it can be that.
            if and && !truth.absent {
                narrowed = super::narrow::where_it_is(part, narrowed, true);
            }
        }
        Type { absent, ..Type::boolean() }
    }

    pub(super) fn compared(
        &mut self,
        node: &Node,
        comparison: Comparison,
        operands: &[Node; 2],
    ) -> Type {
        let [left, right] = operands;
        let before = self.nothing.len();
        let (one, other) = (self.of(left), self.of(right));
        let result = Type { absent: one.absent || other.absent, ..Type::boolean() };
        if one.has_no_value() || other.has_no_value() {
            return result;
        }
        match comparison {
            Comparison::Equal | Comparison::Unequal => {
                if one.present_values().meet(&other.present_values()).has_no_value() {
                    let always = comparison == Comparison::Unequal;
                    self.never_equal(&node.at, [(left, &one), (right, &other)], always);
                    // That it may be nothing besides does not matter any more.
                    self.nothing.truncate(before);
                }
            }
            _ => {
                let comparable = one.kinds().within(Kinds::CODE).meets(other.kinds());
                if !comparable {
                    let at = self.span(&node.at);
                    let symbol = comparison.symbol();
                    let (has, with) = (one.kinds().words(), other.kinds().words());
                    let message = text!(
                        "`{}` compares two numbers or two texts, not {} with {}",
                        symbol,
                        has,
                        with
                    );
                    let found = self.report.error(at, Code::Operand, message);
                    found.help("`| number` makes a number of a text, `| text` a text of a number");
                }
            }
        }
        result
    }

    pub(super) fn contained(&mut self, node: &Node, operands: &[Node; 2]) -> Type {
        let [wanted, array] = operands;
        let value = self.of(wanted);
        let items = self.operand(array, Kinds::ARRAY, text!("`in` looks into an array"));
        let result = Type { absent: value.absent || items.absent, ..Type::boolean() };
        let each = items.arrays().map(|it| it.each.clone()).unwrap_or_default();
        if value.has_no_value() || items.has_no_value() {
            return result;
        }
        if value.present_values().meet(&each.present_values()).has_no_value() {
            self.never_equal(&node.at, [(wanted, &value), (array, &each)], false);
            return result;
        }
        // Each literal item is one that somebody thought of.
        if let Kind::Array(literals) = &array.kind {
            for item in literals {
                let Kind::Literal(_) = &item.kind else { continue };
                let one = self.of_unless_nothing(item);
                if value.present_values().meet(&one).has_no_value() {
                    self.never_equal(&item.at, [(wanted, &value), (item, &one)], false);
                }
            }
        }
        result
    }

    /// Two values that are never equal: a misspelt code, mostly.
    fn never_equal(&mut self, at: &Range<usize>, sides: [(&Node, &Type); 2], always: bool) {
        let span = self.span(at);
        let [(left, one), (right, other)] = sides;
        let (other_words, written) = (other.clone().present().words(), self.written(&left.at));
        let message = match always {
            true => text!("`{}` is never {}, so this always holds", written, other_words),
            false => text!("`{}` is never {}", written, other_words),
        };
        let help: Option<Text> = match (&one.text, &other.text, &right.kind) {
            (Some(known), Some(wrong), Kind::Literal(_)) => {
                let known = known.one_of.iter().flatten().map(|it| &**it);
                let wrong = wrong.one_of.iter().flatten().next();
                wrong.and_then(|it| nearest(it, known)).map(|it| text!("did you mean '{}'?", it))
            }
            _ if other.kinds() == Kinds::NULL && one.absent => {
                Some(text!("what may be missing is nothing, not null: ask `| exists`"))
            }
            _ => None,
        };
        let help = help.unwrap_or_else(|| match one.kinds().and(other.kinds()) {
            Kinds::CODE => {
                text!("`| number` makes a number of a text, `| text` a text of a number")
            }
            kinds if kinds == Kinds::ARRAY.and(Kinds::NUMBER) => {
                text!("`| count` says how many items there are")
            }
            _ => text!("compare with a value that it may have, or leave this out"),
        });
        let label = text!("it is {}", one.clone().present().words());
        let found = self.report.error(span, Code::NeverEqual, message);
        found.label(label).help(help);
    }

    pub(super) fn negated(&mut self, inner: &Node) -> Type {
        let value = self.operand(inner, Kinds::NUMBER, text!("`-` negates a number"));
        if value.has_no_value() {
            return value;
        }
        let whole = value.number.as_ref().is_some_and(|it| it.whole);
        let numbers = Numbers { whole, ..Numbers::default() };
        Type { absent: value.absent, ..Type::number(numbers) }.marked(value.all_marks())
    }

    pub(super) fn arithmetic(&mut self, first: &Node, rest: &[(Operator, Node)]) -> Type {
        let wanted = |operator: Operator| text!("`{}` takes numbers", operator.symbol());
        let symbol = rest.first().map_or(Operator::Add, |(operator, _)| *operator);
        let mut result = self.operand(first, Kinds::NUMBER, wanted(symbol));
        for (operator, operand) in rest {
            let value = self.operand(operand, Kinds::NUMBER, wanted(*operator));
            let absent = result.absent || value.absent;
            if result.has_no_value() || value.has_no_value() {
                // It never comes to a result, and that was told.
                result = Type { absent, ..Type::default() };
                continue;
            }
            let (one, other) = (result.number.unwrap_or_default(), value.number.clone());
            let other = other.unwrap_or_default();
            let divides = *operator == Operator::Divide;
            let subtracts = *operator == Operator::Subtract;
            let positive = one.range.is_positive() && other.range.is_positive() && !subtracts;
            let numbers = Numbers {
                whole: one.whole && other.whole && !divides,
                range: sign(positive),
                one_of: None,
            };
            let marks = result.marks | value.all_marks();
            result = Type { absent, ..Type::number(numbers) }.marked(marks);
        }
        result
    }

    /// Text with `${…}` in it.
    pub(super) fn template(&mut self, template: &Template) -> Type {
        let mut parts = Vec::new();
        let mut marks = 0;
        for part in template.parts() {
            match part {
                Part::Literal(text) => parts.push(Type::literal(text)),
                Part::Value(node) => {
                    let value = self.filled(node);
                    marks |= value.all_marks();
                    parts.push(text_type(std::slice::from_ref(&value)));
                }
            }
        }
        joined(&parts).marked(marks)
    }

    /// What stands inside `${…}`, where `default` replaces null too.
    fn filled(&mut self, node: &Node) -> Type {
        let value = self.part_of_text(node);
        let wanted = text!("a text is made of texts, numbers and booleans");
        self.must_be(&value, Kinds::SCALAR, wanted, node);
        let missing = value.absent || value.null;
        if missing && !value.unknown && !value.has_no_value() {
            let at = match self.nothing.first().filter(|_| value.absent) {
                Some(culprit) => self.span(culprit),
                None => self.span(&node.at),
            };
            let message = match value.absent {
                true => text!("`{}` may be nothing", self.written(&node.at)),
                false => text!("`{}` may be null", self.written(&node.at)),
            };
            let found = self.report.warn(at, Code::MayBeNothing, message);
            found.label("where it is, the message is bad: a text cannot be made");
            found
                .help("give another value with `| default('-')`, or `filter` such messages before");
        }
        self.nothing.clear();
        value.only(Kinds::SCALAR).present()
    }

    fn part_of_text(&mut self, node: &Node) -> Type {
        let Kind::Default(pair) = &node.kind else { return self.of(node) };
        let value = self.part_of_text(&pair[0]);
        let missing = value.absent || value.kinds().meets(Kinds::NULL);
        self.nothing.clear();
        if !missing {
            return value;
        }
        let other = self.part_of_text(&pair[1]);
        Type { absent: other.absent, ..value.present().without_null().join(&other) }
    }
}

impl Type {
    /// What it is where there is something, to be compared: marks and places do not count.
    fn present_values(&self) -> Self {
        Self { absent: false, ..self.clone() }
    }
}
