//! What a schema asks for, in words: the library's own would quote the body.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value as Copied;

use super::shortened;
use crate::diagnostic::{Text, text};

/// What the schema asks for where it is broken: "must be a number".
pub(super) fn demand(kind: &ValidationErrorKind) -> Text {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::Type { kind: TypeKind::Single(json_type) } => text!("must be of type {}", &json_type),
        Kind::Type { kind: TypeKind::Multiple(types) } => {
            let types: Vec<String> = types.iter().map(|it| it.to_string()).collect();
            text!("must be of type {}", &types.join(" or "))
        }
        Kind::Required { property } => text!("must have `{}`", &plain(property)),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            may_not_have(unexpected)
        }
        Kind::AdditionalItems { limit } => text!("must have at most {} items", &limit),
        Kind::UnevaluatedItems { .. } => text!("has items that the schema does not know"),
        Kind::Enum { options } => text!("must be one of {}", &shortened(&options.to_string())),
        Kind::Constant { expected_value } => {
            text!("must be {}", &shortened(&expected_value.to_string()))
        }
        Kind::Format { format } => text!("must be a valid `{}`", &format),
        Kind::Pattern { pattern } => text!("must match `{}`", &shortened(pattern)),
        Kind::Minimum { limit } => text!("must be at least {}", &limit),
        Kind::Maximum { limit } => text!("must be at most {}", &limit),
        Kind::ExclusiveMinimum { limit } => text!("must be more than {}", &limit),
        Kind::ExclusiveMaximum { limit } => text!("must be less than {}", &limit),
        Kind::MultipleOf { multiple_of } => text!("must be a multiple of {}", &multiple_of),
        Kind::MinLength { limit } => text!("must have at least {} characters", &limit),
        Kind::MaxLength { limit } => text!("must have at most {} characters", &limit),
        Kind::MinItems { limit } => text!("must have at least {} items", &limit),
        Kind::MaxItems { limit } => text!("must have at most {} items", &limit),
        Kind::MinProperties { limit } => text!("must have at least {} fields", &limit),
        Kind::MaxProperties { limit } => text!("must have at most {} fields", &limit),
        Kind::UniqueItems => text!("must not have an item twice"),
        Kind::Contains => text!("must have an item that fits `contains`"),
        Kind::FalseSchema => text!("may not be there"),
        Kind::PropertyNames { error } => text!("has a field whose name {}", demand(error.kind())),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            text!("fits none of the schemas under `{}`", &kind.keyword())
        }
        Kind::OneOfMultipleValid { .. } => text!("fits several of the schemas under `oneOf`"),
        Kind::Not { .. } => text!("fits the schema under `not`"),
        other => text!("breaks `{}` of the schema", &other.keyword()),
    }
}

fn may_not_have(unexpected: &[String]) -> Text {
    match unexpected {
        [only] => text!("may not have `{}`", &shortened(only)),
        [first, others @ ..] => {
            text!("may not have `{}` and {} more", &shortened(first), &others.len())
        }
        [] => text!("has fields that the schema does not know"),
    }
}

/// A text without the quotes of JSON.
fn plain(value: &Copied) -> String {
    value.as_str().map_or_else(|| shortened(&value.to_string()), shortened)
}
