//! What a row with a body was written as: a number beside it tells whether it is read as it was.

/// The CRC-32 of everything in a row that decides what is sent, and where to: of the parts and of
/// where one ends and the next begins.
pub fn checksum(parts: &[&[u8]]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    i64::from(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_another_part_is_something_else() {
        assert_ne!(checksum(&[b"ab", b"c"]), checksum(&[b"a", b"bc"]));
        assert_ne!(checksum(&[b"ab", b""]), checksum(&[b"ab"]));
    }
}
