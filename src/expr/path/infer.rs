//! What queries of many places find before there is a message.

use std::ops::Range;

use super::{
    Path, Segment, Selector, Step,
    filter::{Filter, Operand, Test},
};
use crate::{
    expr::{
        infer::Infer,
        node::{Comparison, Literal},
    },
    typing::{Items, Kinds, Reached, Type},
};

/// Nodes on the way: what each is like, and how many there are.
struct Nodes {
    each: Type,
    least: u64,
    most: Option<u64>,
}

impl Path {
    /// The type of the array of all nodes. The query stands at `at`.
    pub(in crate::expr) fn infer(&self, infer: &mut Infer<'_>, at: &Range<usize>) -> Type {
        let root = infer.root(self.root);
        let mut nodes = Nodes { each: root, least: 1, most: Some(1) };
        for segment in &self.segments {
            nodes = segment.infer(nodes, infer, at);
        }
        if nodes.most == Some(0) {
            return Type::array(Items { most: Some(0), ..Items::default() });
        }
        let solid = 0 < nodes.least && !nodes.each.kinds().meets(Kinds::NULL);
        let Nodes { each, least, most } = nodes;
        Type::array(Items { each: each.present(), least, most, solid })
    }
}

impl Segment {
    fn infer(&self, nodes: Nodes, infer: &mut Infer<'_>, at: &Range<usize>) -> Nodes {
        if self.descends {
            // What is how far below is not followed.
            let each = Type::anything().marked(nodes.each.all_marks());
            return Nodes { each, least: 0, most: None };
        }
        let mut all: Option<Nodes> = None;
        for selector in &self.selectors {
            let found = selector.infer(&nodes, infer, at);
            all = Some(match all {
                None => found,
                Some(sofar) => sofar.and(found),
            });
        }
        all.unwrap_or_else(Nodes::none)
    }
}

impl Selector {
    fn infer(&self, nodes: &Nodes, infer: &mut Infer<'_>, at: &Range<usize>) -> Nodes {
        let each = &nodes.each;
        match self {
            Self::Name(name) => nodes.one(each.member(name), Step::Name(name.clone()), infer, at),
            Self::Index(index) => nodes.one(each.item(*index), Step::Index(*index), infer, at),
            Self::Wildcard => nodes.all(),
            Self::Slice { .. } => match each.arrays() {
                Some(items) => {
                    let inner = items.each.clone().marked(each.marks);
                    Nodes { each: inner, least: 0, most: nodes.times(items.most) }
                }
                None => Nodes::none(),
            },
            Self::Filter(filter) => {
                let all = nodes.all();
                if all.most == Some(0) {
                    return all;
                }
                filter.look(&all.each, infer, at);
                Nodes { each: filter.narrow(all.each), least: 0, most: all.most }
            }
        }
    }
}

impl Nodes {
    fn none() -> Self {
        Self { each: Type::default(), least: 0, most: Some(0) }
    }

    /// One step down in each.
    fn one(&self, reached: Reached, step: Step, infer: &mut Infer<'_>, at: &Range<usize>) -> Self {
        infer.tell(&reached, &[step], at);
        let found = reached.into_type();
        if found.has_no_value() {
            return Self::none();
        }
        let least = if found.absent { 0 } else { self.least };
        Self { each: found.present(), least, most: self.most }
    }

    /// Everything inside of each.
    fn all(&self) -> Self {
        let Some(inside) = self.each.inside() else { return Self::none() };
        let (least, most) = match (self.each.kinds(), self.each.arrays(), self.each.objects()) {
            (Kinds::ARRAY, Some(items), _) => (items.least, items.most),
            (Kinds::OBJECT, _, Some(members)) => (members.count_least(), None),
            _ => (0, None),
        };
        let least = self.least.saturating_mul(if self.each.absent { 0 } else { least });
        Self { each: inside, least, most: self.times(most) }
    }

    fn times(&self, most: Option<u64>) -> Option<u64> {
        self.most?.checked_mul(most?)
    }

    /// These, and others behind them.
    fn and(self, other: Self) -> Self {
        if self.most == Some(0) {
            return other;
        }
        if other.most == Some(0) {
            return self;
        }
        Self {
            each: self.each.join(&other.each),
            least: self.least.saturating_add(other.least),
            most: self.most.zip(other.most).and_then(|(one, other)| one.checked_add(other)),
        }
    }
}

impl Filter {
    /// Looks whether the places in it can be in an item.
    fn look(&self, item: &Type, infer: &mut Infer<'_>, at: &Range<usize>) {
        let mut place = |place: &super::Place| {
            if place.root == super::Root::Item {
                infer.place_in(item.clone(), &place.steps, at);
            }
        };
        match self {
            Self::Or(filters) | Self::And(filters) => {
                filters.iter().for_each(|it| it.look(item, infer, at));
            }
            Self::Not(filter) => filter.look(item, infer, at),
            Self::Compare(_, operands) => {
                for operand in operands.iter() {
                    if let Operand::Place(it) = operand {
                        place(it);
                    }
                }
            }
            // To ask whether something is there is right also where it is not declared.
            Self::Exists(_) | Self::Matches(..) => {}
        }
    }

    /// The items that pass.
    fn narrow(&self, item: Type) -> Type {
        match self {
            Self::And(filters) => filters.iter().fold(item, |item, it| it.narrow(item)),
            Self::Exists(Test::Place(place)) => refined(place, item, &|it| it),
            Self::Compare(comparison, operands) => {
                let (Operand::Place(place), Operand::Literal(literal)) =
                    (&operands[0], &operands[1])
                else {
                    return item;
                };
                match (comparison, literal) {
                    (Comparison::Equal, Literal::Text(text)) => {
                        let wanted = Type::literal(text);
                        refined(place, item, &|it| Type {
                            marks: it.marks,
                            at: it.at,
                            ..it.meet(&wanted)
                        })
                    }
                    // Nothing is unequal to null too: only of the item itself is it known.
                    (Comparison::Unequal, Literal::Null) if place.steps.is_empty() => {
                        refined(place, item, &Type::without_null)
                    }
                    _ => item,
                }
            }
            Self::Or(_) | Self::Not(_) | Self::Exists(_) | Self::Matches(..) => item,
        }
    }
}

/// The item with what is at `place` in it there, and changed.
fn refined(place: &super::Place, item: Type, change: &dyn Fn(Type) -> Type) -> Type {
    if place.root != super::Root::Item {
        return item;
    }
    let path: Vec<_> = place.steps.iter().map(Step::typed).collect();
    item.refined(&path, change)
}
