//! How values go into PostgreSQL and come out.

use std::error::Error;

use bytes::{Bytes, BytesMut};
use tokio_postgres::{
    Row as Found,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

use crate::store::{Param, Row};

type Wrong = Box<dyn Error + Sync + Send>;

impl ToSql for Param {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *ty == Type::INT4 => i32::try_from(*value)?.to_sql(ty, out),
            Self::Int(value) if *ty == Type::INT8 => value.to_sql(ty, out),
            // A text there cannot hold NUL, which can only have come from outside.
            Self::Text(text) if is_text(ty) && text.contains('\0') => {
                text.replace('\0', "\u{fffd}").to_sql(ty, out)
            }
            Self::Text(text) if is_text(ty) => text.to_sql(ty, out),
            Self::Blob(bytes) if *ty == Type::BYTEA => bytes.as_ref().to_sql(ty, out),
            _ => Err(format!("bug: a value of another type than `{ty}`").into()),
        }
    }

    /// Any: the value decides, and says so itself where it does not fit.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl FromSql<'_> for Param {
    fn from_sql(ty: &Type, raw: &[u8]) -> Result<Self, Wrong> {
        match *ty {
            Type::INT8 => i64::from_sql(ty, raw).map(Self::Int),
            Type::INT4 => i32::from_sql(ty, raw).map(|it| Self::Int(it.into())),
            Type::BYTEA => Ok(Self::Blob(Bytes::copy_from_slice(raw))),
            _ if is_text(ty) => String::from_sql(ty, raw).map(Self::Text),
            _ => Err(format!("bug: a column of the type `{ty}`").into()),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Wrong> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn is_text(ty: &Type) -> bool {
    [Type::TEXT, Type::VARCHAR, Type::NAME].contains(ty)
}

/// Takes a row out.
pub(super) fn row(found: &Found) -> Result<Row, tokio_postgres::Error> {
    (0..found.len()).map(|it| found.try_get(it)).collect::<Result<_, _>>().map(Row)
}
