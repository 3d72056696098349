//! Until when a certificate holds. TLS has judged it already; this only reads one field of it.

use crate::message::Timestamp;

/// Tags of DER.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When a certificate (DER) ends; nothing where it cannot be read.
///
/// `Certificate { tbs { [0] version, serial, algorithm, issuer, validity { from, until }, … }, … }`
pub(super) fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate, _) = element(certificate, SEQUENCE)?;
    let (_, mut fields, _) = element(certificate, SEQUENCE)?;
    if let Some((_, _, rest)) = element(fields, VERSION) {
        fields = rest;
    }
    // The number, the algorithm, the issuer.
    for _ in 0..3 {
        fields = any(fields)?.2;
    }
    let (_, validity, _) = element(fields, SEQUENCE)?;
    let (_, _, until) = any(validity)?;
    let (tag, text, _) = any(until)?;
    let text = std::str::from_utf8(text).ok()?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            // RFC 5280: 50 to 99 are of the last century.
            let century = if "50" <= year { "19" } else { "20" };
            (format!("{century}{year}"), rest)
        }
        GENERALIZED_TIME => text.split_at_checked(4).map(|(year, rest)| (year.to_owned(), rest))?,
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2);
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    Timestamp::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

/// Tag, content, and what follows.
type Element<'b> = (u8, &'b [u8], &'b [u8]);

fn element(bytes: &[u8], tag: u8) -> Option<Element<'_>> {
    any(bytes).filter(|(found, ..)| *found == tag)
}

fn any(bytes: &[u8]) -> Option<Element<'_>> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if 0x80 <= first {
        let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
        // A certificate of 16 MiB is none.
        if digits.len() > 3 {
            return None;
        }
        length = digits.iter().fold(0, |sum, it| sum << 8 | usize::from(*it));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};

    use super::*;

    fn ends(pem: &str) -> Option<String> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        not_after(&certificate).map(|it| it.to_string())
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_ways_of_writing_it() {
        let old = ends(include_str!("../../../tests/it/doctor/tls/expired.pem"));
        assert_eq!(old.as_deref(), Some("2021-01-01T00:00:00.000Z"));
        let long = ends(include_str!("../../../tests/it/doctor/tls/valid.pem"));
        assert_eq!(long.as_deref(), Some("2119-01-01T00:00:00.000Z"));
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let pem = include_str!("../../../tests/it/doctor/tls/valid.pem");
        let whole = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        for cut in 0..whole.len() {
            assert_eq!(not_after(&whole[..cut]), None, "{cut}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 0xff;
            // Whatever comes of it, it does not panic.
            let _ = not_after(&bytes);
        }
    }
}
