//! Whether a contract takes every value of a type.

use std::sync::Arc;

use super::{
    Contract, Items, Kinds, Members, Misfit, MisfitKind, Numbers, Rest, RuleKind, Texts, Type,
    contract::{Additional, Constant, Counted, Demand, Rule},
    language::Relation,
    range::compare,
    words::Unit,
};
use crate::diagnostic::{Span, Text, text};

/// Levels that are gone down: a schema inside itself has no end.
const DEPTH_MAX: usize = 64;

/// Values that are held against demands, for one target. A schema of references can ask for more
/// than it is long.
const STEPS_MAX: usize = 20_000;

/// Misfits that are told of one target.
const MISFITS_MAX: usize = 50;

impl Contract {
    /// Everything that it may refuse of `value`, and every keyword that it cannot be asked about.
    #[must_use]
    pub fn check(&self, value: &Type) -> Vec<Misfit> {
        let mut check =
            Check { contract: self, steps: STEPS_MAX, path: Vec::new(), found: Vec::new() };
        check.value(value, 0, true);
        check.found
    }
}

struct Check<'c> {
    contract: &'c Contract,
    steps: usize,
    path: Vec<(String, Option<Span>)>,
    found: Vec<Misfit>,
}

impl Check<'_> {
    /// Holds what there may be against a demand; `certain`: in every document it is there.
    fn value(&mut self, value: &Type, demand: usize, certain: bool) {
        let contract = self.contract;
        let Some(demand) = contract.demands.get(demand).filter(|it| !it.is_trivial()) else {
            return;
        };
        if value.has_no_value() {
            return;
        }
        if self.steps == 0 || DEPTH_MAX < self.path.len() {
            return self.add(value, false, MisfitKind::NotChecked { keyword: "$ref", place: None });
        }
        self.steps -= 1;
        for (keyword, place) in &demand.unchecked {
            let place = Some(*place);
            self.add(value, false, MisfitKind::NotChecked { keyword, place });
        }
        for also in &demand.also {
            self.value(value, *also, certain);
        }
        if demand.never {
            let (has, wants) = (value.clone(), Kinds(0));
            return self.add(value, certain, MisfitKind::Kind { has, wants, whole: false });
        }
        if value.unknown && demand.is_open_to(value) {
            self.add(value, false, MisfitKind::Unknown);
        }
        if !self.kinds(value, demand, certain) {
            return;
        }
        if let Some(constants) = &demand.one_of
            && !self.one_of(value, constants, certain)
        {
            return;
        }
        if let Some(numbers) = &value.number {
            self.numbers(value, numbers, demand);
        }
        if let Some(texts) = &value.text {
            self.texts(value, texts, demand);
        }
        if let Some(items) = &value.array {
            self.items(value, items, demand, certain);
        }
        if let Some(members) = &value.object {
            self.members(value, members, demand, certain);
        }
    }

    /// Whether the kinds are those that are asked for.
    fn kinds(&mut self, value: &Type, demand: &Demand, certain: bool) -> bool {
        let known = Type { unknown: false, ..value.clone() };
        let kinds = known.kinds();
        let whole = demand.whole && value.number.as_ref().is_some_and(|it| !it.whole);
        if demand.kinds.holds(kinds) && !whole {
            return true;
        }
        let never = !demand.kinds.meets(kinds) && !value.unknown;
        let misfit = MisfitKind::Kind { has: known, wants: demand.kinds, whole: demand.whole };
        self.add(value, certain && never, misfit);
        !never
    }

    /// Whether everything that there may be is among what is asked for.
    fn one_of(&mut self, value: &Type, constants: &[Constant], certain: bool) -> bool {
        let has = |constant: &Constant| constants.contains(constant);
        let mut inside = true;
        let mut meets = false;
        let mut one = |is: bool, there: bool| {
            if is {
                inside &= there;
                meets |= there;
            }
        };
        one(value.null, has(&Constant::Null));
        one(value.truths.yes, has(&Constant::Bool(true)));
        one(value.truths.no, has(&Constant::Bool(false)));
        let texts = value.text.as_ref();
        for text in texts.and_then(|it| it.one_of.as_ref()).into_iter().flatten() {
            one(true, has(&Constant::Text(Arc::clone(text))));
        }
        let numbers = value.number.as_ref();
        let number = |it: &str| {
            let same = |other: &Constant| matches!(other, Constant::Number(other) if compare(it, other).is_eq());
            constants.iter().any(same)
        };
        for it in numbers.and_then(|it| it.one_of.as_ref()).into_iter().flatten() {
            one(true, number(it));
        }
        let open = texts.is_some_and(|it| it.one_of.is_none())
            || numbers.is_some_and(|it| it.one_of.is_none());
        let compound =
            [(value.array.is_some(), Constant::Array), (value.object.is_some(), Constant::Object)];
        for (is, constant) in compound {
            match has(&constant) {
                true if is => {
                    let keyword = "enum";
                    self.add(value, false, MisfitKind::NotChecked { keyword, place: None });
                }
                there => {
                    inside &= !is || there;
                    meets |= is && there;
                }
            }
        }
        let fits = inside && !open;
        if !fits {
            let never = !meets && !open && !value.unknown;
            let wants = constants.iter().map(Constant::words).collect();
            let has = Type { unknown: false, ..value.clone() };
            self.add(value, certain && never, MisfitKind::OneOf { has, wants });
        }
        fits
    }

    fn numbers(&mut self, value: &Type, numbers: &Numbers, demand: &Demand) {
        let wanted = &demand.range;
        let outside = !wanted.holds_least(&numbers.range) || !wanted.holds_most(&numbers.range);
        // A fraction was told.
        let fraction = demand.whole && !numbers.whole;
        if outside && !fraction && demand.kinds.meets(Kinds::NUMBER) {
            let only = Type::number(numbers.clone());
            self.rule(value, only, wanted.words(), wanted.misses(&numbers.range));
        }
    }

    fn texts(&mut self, value: &Type, texts: &Texts, demand: &Demand) {
        if !demand.kinds.meets(Kinds::TEXT) {
            return;
        }
        let has = || Type::text(texts.clone());
        if let Some((wants, never)) =
            demand.length.refuses(texts.least, texts.most, Unit::Character)
        {
            self.rule(value, has(), wants, never);
        }
        for rule in &demand.rules {
            match rule.judged(texts) {
                Judged::Kept => {}
                Judged::Broken { never } => {
                    let (wants, date) = (rule.words(), rule.is_date());
                    self.broken(value, MisfitKind::Rule { has: has(), wants, date }, never);
                }
                Judged::Unknown => {
                    let keyword = rule.kind.keyword();
                    let place = Some(rule.place);
                    self.add(value, false, MisfitKind::NotChecked { keyword, place });
                }
            }
        }
    }

    fn items(&mut self, value: &Type, items: &Items, demand: &Demand, certain: bool) {
        if let Some((wants, never)) = demand.count.refuses(items.least, items.most, Unit::Item) {
            self.rule(value, Type::array(items.clone()), wants, never);
        }
        if let Some(inner) = demand.items
            && items.most != Some(0)
        {
            let certain = certain && 0 < items.least;
            self.inside("[]", value.at, |this| this.value(&items.each, inner, certain));
        }
    }

    fn members(&mut self, value: &Type, members: &Members, demand: &Demand, certain: bool) {
        let sure = certain && value.kinds() == Kinds::OBJECT;
        for name in &demand.required {
            let field = members.field(name);
            if !field.absent {
                continue;
            }
            let kind = if field.unknown { MisfitKind::Unknown } else { MisfitKind::Missing };
            let certain = sure && field.has_no_value();
            let field = field.present();
            self.inside(name, value.at, |this| this.add(&field, certain, kind));
        }
        for (name, inner) in &demand.fields {
            let field = members.field(name);
            let certain = sure && !field.absent;
            let required_too = field.unknown && field.absent && demand.required.contains(name);
            if !required_too {
                self.inside(name, value.at, |this| this.value(&field, *inner, certain));
            }
        }
        let others = members.fields.iter().filter(|(name, _)| !demand.fields.contains_key(*name));
        for (name, field) in others {
            self.additional(name, value.at, field, demand);
        }
        match &members.rest {
            Rest::Closed => {}
            Rest::Undeclared => self.additional("*", value.at, &Type::anything(), demand),
            Rest::Of(rest) => self.additional("*", value.at, rest, demand),
        }
        self.size(value, members, demand);
    }

    /// A field that the schema does not name.
    fn additional(&mut self, name: &str, at: Option<Span>, field: &Type, demand: &Demand) {
        if field.has_no_value() {
            return;
        }
        match demand.additional {
            Additional::Unsaid | Additional::Any => {}
            Additional::As(inner) => {
                self.inside(name, at, |this| this.value(field, inner, false));
            }
            Additional::No if demand.unchecked.iter().any(|(it, _)| *it == "patternProperties") => {
            }
            Additional::No if name == "*" && field.unknown => {
                self.inside(name, at, |this| this.add(field, false, MisfitKind::Unknown));
            }
            Additional::No => {
                let names = demand.fields.keys().cloned().collect();
                let certain = !field.absent;
                let kind = MisfitKind::Unwanted { names };
                self.inside(name, at, |this| this.add(field, certain, kind));
            }
        }
    }

    fn size(&mut self, value: &Type, members: &Members, demand: &Demand) {
        let most = (members.rest == Rest::Closed).then_some(members.names().len() as u64);
        let Some((wants, never)) = demand.size.refuses(members.count_least(), most, Unit::Field)
        else {
            return;
        };
        self.rule(value, Type::object(members.clone()), wants, never);
    }

    fn rule(&mut self, value: &Type, has: Type, wants: Text, never: bool) {
        self.broken(value, MisfitKind::Rule { has, wants, date: false }, never);
    }

    /// A rule that is not kept; `never`: by no value of the kind that it is for.
    fn broken(&mut self, value: &Type, rule: MisfitKind, never: bool) {
        let alone = matches!(&rule, MisfitKind::Rule { has, .. } if value.kinds() == has.kinds());
        self.add(value, never && alone, rule);
    }

    /// Goes down into a field, or into the items of an array.
    fn inside(&mut self, name: &str, at: Option<Span>, check: impl FnOnce(&mut Self)) {
        self.path.push((name.to_owned(), at));
        check(self);
        self.path.pop();
    }

    fn add(&mut self, value: &Type, certain: bool, kind: MisfitKind) {
        if MISFITS_MAX <= self.found.len() {
            return;
        }
        let mut path = String::new();
        for (name, _) in &self.path {
            if !path.is_empty() && name != "[]" {
                path.push('.');
            }
            path.push_str(name);
        }
        let outer = || self.path.iter().rev().find_map(|(_, at)| *at);
        let at = value.at.or_else(outer);
        let misfit = Misfit { path, at, certain: certain && !value.absent, kind };
        if !self.found.contains(&misfit) {
            self.found.push(misfit);
        }
    }
}

/// How texts stand to a rule.
enum Judged {
    Kept,
    Broken { never: bool },
    Unknown,
}

impl Rule {
    fn judged(&self, texts: &Texts) -> Judged {
        if texts.rules.contains(&(self.kind, Arc::clone(&self.text))) {
            return Judged::Kept;
        }
        let Some(one_of) = &texts.one_of else {
            return match self.kind {
                RuleKind::Format => Judged::Broken { never: false },
                RuleKind::Pattern => match self.relation(texts) {
                    Some(Relation::Inside) => Judged::Kept,
                    Some(Relation::Apart) => Judged::Broken { never: true },
                    // Some of them may be what is never sent: of a text less is known than is so.
                    Some(Relation::Across) | None => Judged::Unknown,
                },
            };
        };
        let mut kept = 0;
        for text in one_of {
            match self.takes(text) {
                None => return Judged::Unknown,
                Some(true) => kept += 1,
                Some(false) => {}
            }
        }
        if kept == one_of.len() { Judged::Kept } else { Judged::Broken { never: kept == 0 } }
    }

    fn words(&self) -> Text {
        match self.kind {
            RuleKind::Format => text!("a text of the format `{}`", &self.text),
            RuleKind::Pattern => text!("a text like `{}`", &self.text),
        }
    }

    fn is_date(&self) -> bool {
        self.kind == RuleKind::Format && &*self.text == "date"
    }
}

impl Counted {
    /// What is asked for, where so few or so many may not do; and whether they never do.
    fn refuses(self, least: u64, most: Option<u64>, unit: Unit) -> Option<(Text, bool)> {
        if least < self.least {
            let never = most.is_some_and(|it| it < self.least);
            return Some((text!("at least {}", unit.words(self.least)), never));
        }
        let limit = self.most?;
        let over = most.is_none_or(|it| limit < it);
        over.then(|| (text!("at most {}", unit.words(limit)), limit < least))
    }
}

impl Constant {
    fn words(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => format!("'{text}'"),
            Self::Array => "[…]".to_owned(),
            Self::Object => "{…}".to_owned(),
        }
    }
}

impl Demand {
    /// Whether something is demanded of a kind of which nothing is known.
    fn is_open_to(&self, value: &Type) -> bool {
        self.kinds != Kinds::ANY
            || self.one_of.is_some()
            || value.number.is_none() && self.describes_numbers()
            || value.text.is_none() && self.describes_texts()
            || value.array.is_none() && self.describes_arrays()
            || value.object.is_none() && self.describes_objects()
    }
}
