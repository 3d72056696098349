//! The literal parts of a text with `${…}`, which can be looked at when a file is loaded.

/// Stands for a `${…}` among literal letters.
pub(super) const PLACEHOLDER: char = '\u{fffc}';

/// The letters outside `${…}`, and where each begins; each `${…}` is one [`PLACEHOLDER`]. Knows
/// strings and braces, no more: the expression language has the last word.
pub(super) fn literal_letters(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut braces = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    let mut letters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        loop {
            let (at, letter) = letters.next()?;
            if braces == 0 {
                let next = letters.peek().map(|(_, next)| *next);
                match (letter, next) {
                    ('$', Some('{')) => braces = 1,
                    ('$', Some('$')) => {}
                    _ => return Some((at, letter)),
                }
                letters.next();
                return Some((at, if braces == 0 { letter } else { PLACEHOLDER }));
            }
            match (quote, letter) {
                (Some(_), _) if escaped => escaped = false,
                (Some(_), '\\') => escaped = true,
                (Some(open), _) if open == letter => quote = None,
                (None, '\'' | '"') => quote = Some(letter),
                (None, '{') => braces += 1,
                (None, '}') => braces -= 1,
                (Some(_) | None, _) => {}
            }
        }
    })
}
