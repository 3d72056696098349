//! What values that fit a contract are like.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Items, Kinds, Members, Numbers, PERSONAL, Rest, Texts, Truths, Type,
    contract::{Additional, Constant, Contract, Demand},
    join::ONE_OF_MAX,
};

/// The type of everything that fits; wider where the contract cannot be reasoned with.
pub(super) fn emitted(contract: &Contract) -> Type {
    let mut known = vec![Known::Not; contract.demands.len()];
    Emitting { contract, known: &mut known }.of(0)
}

#[derive(Clone)]
enum Known {
    Not,
    UnderWay,
    As(Box<Type>),
}

struct Emitting<'e> {
    contract: &'e Contract,
    known: &'e mut [Known],
}

impl Emitting<'_> {
    fn of(&mut self, index: usize) -> Type {
        match self.known.get(index) {
            Some(Known::As(known)) => return (**known).clone(),
            Some(Known::Not) => {}
            // A schema inside itself goes down without end; so far down nothing is known, but that
            // what is about people may be there.
            Some(Known::UnderWay) | None => {
                let is_personal = self.contract.demands.iter().any(|it| it.is_personal);
                return Type::anything().marked(personal(is_personal));
            }
        }
        self.note(index, Known::UnderWay);
        let emitted = match self.contract.demands.get(index) {
            Some(demand) => self.demanded(demand),
            None => Type::anything(),
        };
        self.note(index, Known::As(Box::new(emitted.clone())));
        emitted
    }

    fn note(&mut self, index: usize, known: Known) {
        if let Some(slot) = self.known.get_mut(index) {
            *slot = known;
        }
    }

    fn demanded(&mut self, demand: &Demand) -> Type {
        if demand.never {
            return Type::default();
        }
        let described = match &demand.one_of {
            Some(constants) => constants_of(constants).only(demand.kinds),
            None => Type::anything().only(demand.kinds),
        };
        let described = described.meet(&self.kinds_of(demand));
        let described = demand.also.iter().fold(described, |sofar, it| sofar.meet(&self.of(*it)));
        described.marked(personal(demand.is_personal))
    }

    /// What is said of each kind; kinds of which nothing is said stay unknown.
    fn kinds_of(&mut self, demand: &Demand) -> Type {
        let says =
            |is: bool, kind: Kinds| is || demand.kinds != Kinds::ANY && demand.kinds.meets(kind);
        let mut described = Type::anything();
        if says(demand.describes_numbers(), Kinds::NUMBER) {
            let range = demand.range.clone();
            described.number = Some(Numbers { whole: demand.whole, range, one_of: None });
        }
        if says(demand.describes_texts(), Kinds::TEXT) {
            let rules = demand.rules.iter().map(|it| (it.kind, Arc::clone(&it.text))).collect();
            let (least, most) = (demand.length.least, demand.length.most);
            described.text = Some(Texts { least, most, one_of: None, rules });
        }
        if says(demand.describes_arrays(), Kinds::ARRAY) {
            let tuple =
                demand.unchecked.iter().any(|(it, _)| matches!(*it, "prefixItems" | "items"));
            let each = match demand.items.filter(|_| !tuple) {
                Some(items) => self.of(items),
                None => Type::anything(),
            };
            let (least, most) = (demand.count.least, demand.count.most);
            let solid = 0 < least && !each.kinds().meets(Kinds::NULL);
            described.array = Some(Arc::new(Items { each, least, most, solid }));
        }
        if says(demand.describes_objects(), Kinds::OBJECT) {
            described.object = Some(Arc::new(self.members(demand)));
        }
        described
    }

    fn members(&mut self, demand: &Demand) -> Members {
        let mut fields = BTreeMap::new();
        // Schemas that are not reasoned about may name more members, and so may those beside.
        let names_more = |it: &&str| !matches!(*it, "uniqueItems" | "multipleOf" | "contains");
        let open = !demand.also.is_empty()
            || demand.fields.is_empty()
            || demand.unchecked.iter().map(|(keyword, _)| keyword).any(names_more);
        let by_pattern = demand.unchecked.iter().any(|(it, _)| *it == "patternProperties");
        let rest = match demand.additional {
            Additional::No if !by_pattern => Rest::Closed,
            Additional::As(index) if !by_pattern => Rest::Of(Box::new(self.of(index))),
            Additional::Unsaid if !open => Rest::Undeclared,
            _ => Rest::Of(Box::new(Type::anything())),
        };
        for (name, index) in &demand.fields {
            fields.insert(Arc::clone(name), self.of(*index).or_nothing());
        }
        let mut members = Members { fields, rest };
        for name in &demand.required {
            let field = match members.fields.get(name) {
                Some(field) => field.clone(),
                None => members.field(name),
            };
            members.fields.insert(Arc::clone(name), field.present());
        }
        members
    }
}

fn personal(is_personal: bool) -> u64 {
    if is_personal { PERSONAL } else { 0 }
}

fn constants_of(constants: &[Constant]) -> Type {
    let mut all = Type::default();
    let mut numbers: Vec<Arc<str>> = Vec::new();
    let mut texts = std::collections::BTreeSet::new();
    for constant in constants {
        match constant {
            Constant::Null => all.null = true,
            Constant::Bool(true) => all.truths = Truths { yes: true, ..all.truths },
            Constant::Bool(false) => all.truths = Truths { no: true, ..all.truths },
            Constant::Number(number) => numbers.push(number.clone()),
            Constant::Text(text) => drop(texts.insert(Arc::clone(text))),
            Constant::Array => all.array = Some(Arc::new(Items::anything())),
            Constant::Object => all.object = Some(Arc::new(Members::anything())),
        }
    }
    if !numbers.is_empty() {
        all.number = Some(Numbers::among(numbers));
    }
    if !texts.is_empty() {
        let few = texts.len() <= ONE_OF_MAX;
        let among = Texts::among(texts);
        all.text = Some(if few { among } else { Texts { one_of: None, ..among } });
    }
    all
}
