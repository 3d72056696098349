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

/// Whether a body without a sum may be from before there were sums. Zeroes over the head of a row
/// take its sum away too, and then the body begins with zeroes or is none; JSON has none anywhere.
pub fn may_be_old(body: &[u8]) -> bool {
    !body.is_empty() && !body.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeroes_are_no_body_from_before_there_were_sums() {
        assert!(may_be_old(b"{}"));
        assert!(!may_be_old(b""));
        assert!(!may_be_old(&[0; 9]));
    }

    #[test]
    fn what_stands_in_another_part_is_something_else() {
        assert_ne!(checksum(&[b"ab", b"c"]), checksum(&[b"a", b"bc"]));
        assert_ne!(checksum(&[b"ab", b""]), checksum(&[b"ab"]));
    }
}
