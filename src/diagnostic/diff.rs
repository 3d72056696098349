//! Two texts, line by line: what one has and the other has not.

/// Lines of a text that are compared; beyond, everything counts as changed. The work is the
/// product of both.
const LINES_MAX: usize = 2_000;

/// Lines around a change that are shown.
const CONTEXT: usize = 2;

/// A line of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared<'a> {
    /// Both have it.
    Same(&'a str),
    /// Only the first has it.
    Removed(&'a str),
    /// Only the second has it.
    Added(&'a str),
}

/// What changed from `before` to `after`, with `-` and `+`; empty where nothing did.
pub fn diff(before: &str, after: &str) -> String {
    if before.lines().eq(after.lines()) {
        return String::new();
    }
    render(&compared(before, after))
}

/// All lines of both.
pub fn compared<'a>(before: &'a str, after: &'a str) -> Vec<Compared<'a>> {
    let before: Vec<&str> = before.lines().collect();
    let after: Vec<&str> = after.lines().collect();
    let start = before.iter().zip(&after).take_while(|(left, right)| left == right).count();
    let (head, before) = before.split_at(start);
    let after = after.get(start..).unwrap_or_default();
    head.iter().map(|it| Compared::Same(it)).chain(compare(before, after)).collect()
}

/// The longest common subsequence of lines, and what stands between.
fn compare<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<Compared<'a>> {
    if LINES_MAX < before.len() || LINES_MAX < after.len() {
        let removed = before.iter().map(|it| Compared::Removed(it));
        return removed.chain(after.iter().map(|it| Compared::Added(it))).collect();
    }
    let common = lengths(before, after);
    let width = after.len() + 1;
    let length = |i: usize, j: usize| common.get(i * width + j).copied().unwrap_or_default();
    let (mut i, mut j, mut out) = (0, 0, vec![]);
    loop {
        match (before.get(i), after.get(j)) {
            (Some(left), Some(right)) if left == right => {
                out.push(Compared::Same(left));
                (i, j) = (i + 1, j + 1);
            }
            (Some(left), right) if right.is_none() || length(i, j + 1) <= length(i + 1, j) => {
                out.push(Compared::Removed(left));
                i += 1;
            }
            (_, Some(right)) => {
                out.push(Compared::Added(right));
                j += 1;
            }
            _ => return out,
        }
    }
}

/// How many lines `before[i..]` and `after[j..]` have in common, at `i * (after.len() + 1) + j`.
fn lengths(before: &[&str], after: &[&str]) -> Vec<u16> {
    let width = after.len() + 1;
    let mut common = vec![0; (before.len() + 1) * width];
    for (i, left) in before.iter().enumerate().rev() {
        for (j, right) in after.iter().enumerate().rev() {
            let at = |row: usize, column: usize| row * width + column;
            let get = |place: usize| common.get(place).copied().unwrap_or_default();
            let best = if left == right {
                get(at(i + 1, j + 1)) + 1
            } else {
                get(at(i + 1, j)).max(get(at(i, j + 1)))
            };
            if let Some(cell) = common.get_mut(at(i, j)) {
                *cell = best;
            }
        }
    }
    common
}

/// The changed lines and a little around them.
fn render(lines: &[Compared<'_>]) -> String {
    let is_same = |it: &Compared<'_>| matches!(it, Compared::Same(_));
    let near = |index: usize| {
        let around = index.saturating_sub(CONTEXT)..(index + CONTEXT + 1).min(lines.len());
        lines.get(around).is_some_and(|it| !it.iter().all(is_same))
    };
    let (mut out, mut skipping) = (vec![], false);
    for (index, line) in lines.iter().enumerate() {
        if !near(index) {
            if !skipping {
                out.push("  …".to_owned());
            }
            skipping = true;
            continue;
        }
        skipping = false;
        out.push(match line {
            Compared::Same(text) => format!("  {text}"),
            Compared::Removed(text) => format!("- {text}"),
            Compared::Added(text) => format!("+ {text}"),
        });
    }
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_do_not_differ() {
        assert_eq!(diff("a\nb", "a\nb"), "");
    }

    #[test]
    fn a_changed_line_is_shown_with_what_stands_around_it() {
        let before = "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3,\n  \"d\": 4,\n  \"e\": 5\n}";
        let after = "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3,\n  \"d\": 44,\n  \"e\": 5\n}";
        insta::assert_snapshot!(diff(before, after), @r#"
          …
            "b": 2,
            "c": 3,
        -   "d": 4,
        +   "d": 44,
            "e": 5
          }
        "#);
    }

    #[test]
    fn lines_that_came_and_went_are_told_apart() {
        assert_eq!(diff("a\nb\nc", "a\nc\nd"), "  a\n- b\n  c\n+ d");
    }

    #[test]
    fn texts_beyond_the_limit_are_shown_whole() {
        let (before, after) = ("x\n".repeat(LINES_MAX + 1), "y\n");
        assert_eq!(diff(&before, after).lines().count(), LINES_MAX + 2);
    }
}
