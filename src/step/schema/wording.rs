//! What a schema asks for, in words: the library's own would quote the body.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value as Copied;

use super::shortened;

/// What the schema asks for where it is broken: "must be a number".
pub(super) fn demand(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::Type { kind: TypeKind::Single(json_type) } => format!("must be of type {json_type}"),
        Kind::Type { kind: TypeKind::Multiple(types) } => {
            let types: Vec<String> = types.iter().map(|it| it.to_string()).collect();
            format!("must be of type {}", types.join(" or "))
        }
        Kind::Required { property } => format!("must have `{}`", plain(property)),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            may_not_have(unexpected)
        }
        Kind::AdditionalItems { limit } => format!("must have at most {limit} items"),
        Kind::UnevaluatedItems { .. } => "has items that the schema does not know".to_owned(),
        Kind::Enum { options } => format!("must be one of {}", shortened(&options.to_string())),
        Kind::Constant { expected_value } => {
            format!("must be {}", shortened(&expected_value.to_string()))
        }
        Kind::Format { format } => format!("must be a valid `{format}`"),
        Kind::Pattern { pattern } => format!("must match `{}`", shortened(pattern)),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::MinProperties { limit } => format!("must have at least {limit} fields"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} fields"),
        Kind::UniqueItems => "must not have an item twice".to_owned(),
        Kind::Contains => "must have an item that fits `contains`".to_owned(),
        Kind::FalseSchema => "may not be there".to_owned(),
        Kind::PropertyNames { error } => format!("has a field whose name {}", demand(error.kind())),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            format!("fits none of the schemas under `{}`", kind.keyword())
        }
        Kind::OneOfMultipleValid { .. } => "fits several of the schemas under `oneOf`".to_owned(),
        Kind::Not { .. } => "fits the schema under `not`".to_owned(),
        other => format!("breaks `{}` of the schema", other.keyword()),
    }
}

fn may_not_have(unexpected: &[String]) -> String {
    match unexpected {
        [only] => format!("may not have `{}`", shortened(only)),
        [first, others @ ..] => {
            format!("may not have `{}` and {} more", shortened(first), others.len())
        }
        [] => "has fields that the schema does not know".to_owned(),
    }
}

/// A text without the quotes of JSON.
fn plain(value: &Copied) -> String {
    value.as_str().map_or_else(|| shortened(&value.to_string()), shortened)
}
