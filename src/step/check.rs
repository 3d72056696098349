//! `check`: notes in the body which business rules a message breaks.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Branch, Context, Flow, Part, Rejected, Step, place::Place, text::message_expression, words,
};
use crate::{
    diagnostic::{
        Code, Entries, Located, Report, Text,
        describe::{BodyPath, Expression},
        text,
    },
    expr::{Expr, Known, Scope},
    message::Value,
    typing::{Items, Texts, Type},
};

/// Notes in the body which business rules a message breaks; the message goes on either way.
///
/// ```yaml
/// - check:
///     into: $.gagal
///     rules:
///       tanggal-urut: ($.berangkat | date) <= ($.kembali | date)
/// ```
///
/// `into` becomes an array: the names of the rules that do not hold, in the order of the file,
/// empty where all hold. A rule whose condition is nothing or no boolean is not evaluated.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckSpec {
    /// Where the names of the failed rules land.
    #[schemars(with = "BodyPath")]
    into: Located<String>,
    /// The rules: a name, and the condition that a good message meets.
    #[schemars(with = "Entries<Expression>", extend("minProperties" = 1))]
    rules: Entries<Located<String>>,
}

impl CheckSpec {
    /// Each rule can hold, and be broken.
    pub(super) fn branches(&self) -> Vec<Branch> {
        let both = |(name, _): (&Located<String>, _)| {
            ["holds", "is broken"]
                .map(|how| Branch { name: format!("{} {how}", name.value), at: name.at })
        };
        self.rules.iter().flat_map(both).collect()
    }

    /// What it does, in a sentence.
    pub(super) fn words(&self) -> Text {
        let names: Vec<_> = self.rules.iter().map(|(name, _)| name.value.as_str()).collect();
        let rules = words::listed(&names);
        text!("Notes in `{}` which of these rules are broken: {}.", &self.into.value, &rules)
    }

    pub(super) fn compile(
        &self,
        context: &Context<'_>,
        report: &mut Report,
    ) -> Option<Box<dyn Step>> {
        let into = Place::compile(&self.into, report);
        if self.rules.is_empty() {
            report
                .error(self.into.at, Code::Missing, "a `check` without rules")
                .label("nothing would ever land here")
                .help("write at least one `name: condition` under `rules`");
        }
        let mut rules = Vec::new();
        for (name, condition) in self.rules.iter() {
            let condition = message_expression(condition, context, report);
            rules.extend(condition.map(|condition| (name.value.clone(), condition)));
        }
        if rules.is_empty() || rules.len() < self.rules.len() {
            return None;
        }
        Some(Box::new(Check { into: into?, rules }))
    }
}

struct Check {
    into: Place,
    rules: Vec<(String, Expr)>,
}

impl Step for Check {
    fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Flow<'a>, Rejected> {
        let mut failed = Vec::new();
        for (name, condition) in &self.rules {
            let value = condition
                .eval(scope)
                .map_err(|error| Rejected::because(format!("rule `{name}`: {error}")))?;
            // Nothing, or no boolean: not evaluated.
            if value == Some(Value::Bool(false)) {
                failed.push(Value::Text(scope.arena.text(name)?));
            }
        }
        let failed = Value::Array(scope.arena.slice(&failed)?);
        Ok(Flow::Next(self.into.set(scope.body, failed, scope.arena)?))
    }

    fn parts<'a>(&self, scope: &Scope<'a>) -> Vec<Part<'a>> {
        self.rules.iter().map(|(name, condition)| Part::of(name, condition, scope)).collect()
    }

    fn can_fail(&self) -> bool {
        self.rules.iter().any(|(_, condition)| condition.can_fail())
    }

    fn infer(&self, body: &Type, report: &mut Report) -> Type {
        // A rule that is nothing is not evaluated, and that is fine.
        for (_, condition) in &self.rules {
            condition.infer(Known { body, item: None }, report);
        }
        let names = self.rules.iter().map(|(name, _)| name.as_str().into()).collect();
        let failed = Type::array(Items {
            each: Type::text(Texts::among(names)),
            least: 0,
            most: Some(self.rules.len() as u64),
            solid: false,
        });
        self.into.infer(body, &failed, report)
    }

    fn uses_hash(&self) -> bool {
        self.rules.iter().any(|(_, condition)| condition.uses_hash())
    }
}
