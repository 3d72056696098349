//! Functions that hide what a text says: digests.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use super::{Outcome, argument, code_of};
use crate::{
    expr::{Scope, eval::Failure},
    message::Value,
    typing::{Texts, Type},
};

pub(super) fn hash<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = code_of("hash", argument(arguments, 0)?)?;
    let key = scope.meta.hash_key.ok_or("`hash` needs a key, and none is set")?;
    scope.take_for_bytes(text.len())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|_| Failure::from("`hash` cannot use its key"))?;
    mac.update(text.as_bytes());
    hex(scope, &mac.finalize().into_bytes())
}

pub(super) fn sha256<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = code_of("sha256", argument(arguments, 0)?)?;
    scope.take_for_bytes(text.len())?;
    hex(scope, &Sha256::digest(text.as_bytes()))
}

fn hex<'a>(scope: &Scope<'a>, bytes: &[u8]) -> Outcome<'a> {
    let mut text = scope.arena.list();
    for byte in bytes {
        for half in [byte >> 4, byte & 0xf] {
            text.push(if half < 10 { b'0' + half } else { b'a' + half - 10 })?;
        }
    }
    let text = std::str::from_utf8(text.finish()).map_err(|_| "bug: not UTF-8")?;
    Ok(Some(Value::Text(text)))
}

/// 32 bytes in hex.
pub(super) fn digest_type(_: &[Type]) -> Type {
    let texts = Texts { least: 64, most: Some(64), ..Texts::default() };
    Type::text(texts.matching("^[0-9a-f]{64}$"))
}
