//! What a shape comes to before there is a message.

use std::{collections::BTreeMap, sync::Arc};

use super::{Kind, Shape};
use crate::{
    diagnostic::{Code, Report, text},
    expr::{Expr, Known},
    typing::{Items, Kinds, Members, Rest, Truths, Type},
};

impl Shape {
    /// What is known of its value; adds to `report` what can never work. Every value in it knows
    /// where it is made.
    pub(in crate::step) fn infer(&self, known: Known<'_>, report: &mut Report) -> Type {
        let value = match &self.kind {
            Kind::Null => Type::null(),
            Kind::Bool(value) => {
                let truths = Truths { yes: *value, no: !*value };
                Type { truths, ..Type::default() }
            }
            Kind::Number(text) => Type::literal_number(text),
            Kind::Text(text) => text.infer(known, self.at, report),
            Kind::List(shapes) => list(shapes, known, report),
            Kind::Object(fields) => {
                let field = |(name, shape): &(String, Self)| {
                    (Arc::from(name.as_str()), shape.infer(known, report))
                };
                let fields: BTreeMap<_, _> = fields.iter().map(field).collect();
                Type::object(Members { fields, rest: Rest::Closed })
            }
            Kind::Each { items, shape } => each(items, shape, known, report),
        };
        value.made_at(self.at)
    }
}

fn list(shapes: &[Shape], known: Known<'_>, report: &mut Report) -> Type {
    let types: Vec<Type> = shapes.iter().map(|it| it.infer(known, report)).collect();
    Type::array(Items::of(&types))
}

fn each(items: &Expr, shape: &Shape, known: Known<'_>, report: &mut Report) -> Type {
    let array = items.infer(known, report).value;
    let kinds = array.kinds();
    if kinds.0 != 0 && !kinds.meets(Kinds::ARRAY) {
        let message = text!("`$each` goes through an array, not {}", kinds.words());
        let found = report.error(items.at(), Code::Operand, message);
        found.label(text!("this is {}", array.clone().present().words()));
        found.help("name the field that holds the items");
    }
    let Some(found) = array.arrays() else {
        return Type::nothing();
    };
    let item = found.each.clone().marked(array.marks);
    let made = shape.infer(Known { item: Some(&item), ..known }, report);
    let least = if made.absent { 0 } else { found.least };
    let solid = 0 < least && !made.kinds().meets(Kinds::NULL);
    let made = Items { each: made.present(), least, most: found.most, solid };
    Type { absent: array.absent, ..Type::array(made) }
}
