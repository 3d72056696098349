//! Patterns as the sets of texts that they match: whether one lies in another.
//!
//! Both are run at once, letter by letter, over every text that there is: since each is in one of
//! finitely many states, the pairs of states come to an end.

use std::collections::{HashSet, VecDeque};

use regex_automata::{
    Anchored, Input, MatchKind,
    hybrid::{
        LazyStateID,
        dfa::{Cache, DFA},
    },
    util::syntax,
};

/// How the texts that are known stand to those that a pattern matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// It matches all of them.
    Inside,
    /// It matches none of them.
    Apart,
    /// It matches some of them.
    Across,
}

/// States that are looked at together; more are too many for a check of files.
const STATES_MAX: usize = 4_000;

/// Memory of each automaton, in bytes: it is never cleared, for states must stay what they are.
const CACHE_BYTES_MAX: usize = 4 << 20;

/// Memory of a compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Characters up to which a greatest length counts.
const LENGTH_MAX: u64 = 128;

/// How texts that match all of `known`, and have so many characters, stand to `wanted`; `None`
/// where that cannot be told.
pub(super) fn relate(known: &[&str], length: (u64, Option<u64>), wanted: &str) -> Option<Relation> {
    let mut automata = vec![Automaton::of(&matching(wanted)?)?];
    for pattern in known {
        // What cannot be read is passed over: then more texts are looked at, never fewer.
        automata.extend(matching(pattern).and_then(|it| Automaton::of(&it)));
    }
    automata.push(Automaton::of(&lengths(length))?);
    let classes = letters(&automata);
    let start: Option<Vec<_>> = automata.iter_mut().map(Automaton::start).collect();
    let mut relation = Found::default();
    let mut seen = HashSet::new();
    let mut next: VecDeque<_> = start.into_iter().collect();
    while let Some(states) = next.pop_front() {
        relation.note(&states, &mut automata)?;
        for letter in &classes {
            let follow = states.iter().zip(&mut automata);
            let follow: Option<Vec<_>> = follow.map(|(it, of)| of.next(*it, *letter)).collect();
            let follow = follow?;
            // No text that is known goes on like this.
            let lost = follow.iter().skip(1).any(|it| it.is_dead());
            if !lost && !seen.contains(&follow) {
                if STATES_MAX <= seen.len() {
                    return None;
                }
                seen.insert(follow.clone());
                next.push_back(follow);
            }
        }
    }
    relation.told()
}

/// What has been seen of the texts that are known.
#[derive(Default)]
struct Found {
    inside: bool,
    outside: bool,
}

impl Found {
    /// Notes whether a text may end here, and whether it is one that is wanted.
    fn note(&mut self, states: &[LazyStateID], automata: &mut [Automaton]) -> Option<()> {
        let ends: Option<Vec<bool>> =
            states.iter().zip(automata).map(|(state, of)| of.ends(*state)).collect();
        if let Some((wanted, known)) = ends?.split_first()
            && known.iter().all(|it| *it)
        {
            self.inside |= *wanted;
            self.outside |= !*wanted;
        }
        Some(())
    }

    fn told(&self) -> Option<Relation> {
        match (self.inside, self.outside) {
            (true, false) => Some(Relation::Inside),
            (false, true) => Some(Relation::Apart),
            (true, true) => Some(Relation::Across),
            // No text is like that; so nothing is said of it.
            (false, false) => None,
        }
    }
}

struct Automaton {
    dfa: DFA,
    cache: Cache,
}

impl Automaton {
    fn of(pattern: &str) -> Option<Self> {
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .cache_capacity(CACHE_BYTES_MAX)
            .skip_cache_capacity_check(true);
        let nfa =
            regex_automata::nfa::thompson::Config::new().nfa_size_limit(Some(PATTERN_BYTES_MAX));
        let dfa = DFA::builder()
            .configure(config)
            .thompson(nfa)
            .syntax(syntax::Config::new().unicode(true))
            .build(pattern);
        let dfa = dfa.ok()?;
        let cache = dfa.create_cache();
        Some(Self { dfa, cache })
    }

    fn start(&mut self) -> Option<LazyStateID> {
        let input = Input::new("").anchored(Anchored::Yes);
        self.dfa.start_state_forward(&mut self.cache, &input).ok().filter(|_| self.is_whole())
    }

    fn next(&mut self, state: LazyStateID, letter: u8) -> Option<LazyStateID> {
        let next = self.dfa.next_state(&mut self.cache, state, letter).ok()?;
        (self.is_whole() && !next.is_quit()).then_some(next)
    }

    /// Whether a text that ends here is one of its.
    fn ends(&mut self, state: LazyStateID) -> Option<bool> {
        let end = self.dfa.next_eoi_state(&mut self.cache, state).ok()?;
        self.is_whole().then_some(end.is_match())
    }

    /// Whether states are still what they were.
    fn is_whole(&self) -> bool {
        self.cache.clear_count() == 0
    }
}

/// One byte of each class of bytes that all automata take alike.
fn letters(automata: &[Automaton]) -> Vec<u8> {
    let class = |byte: u8| -> Vec<u8> {
        automata.iter().map(|it| it.dfa.byte_classes().get(byte)).collect()
    };
    let mut seen = HashSet::new();
    (0..=u8::MAX).filter(|byte| seen.insert(class(*byte))).collect()
}

/// A pattern of all the texts in which `pattern` is found; `None` where it may mean something else
/// to the validator than it means here.
fn matching(pattern: &str) -> Option<String> {
    let mut plain = String::with_capacity(pattern.len() + 24);
    let mut letters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next()? {
                'd' if in_class => plain.push_str("0-9"),
                'd' => plain.push_str("[0-9]"),
                escaped if escaped.is_ascii_alphanumeric() => return None,
                escaped => plain.extend(['\\', escaped]),
            },
            '(' if letters.peek() == Some(&'?') && !in_class => return None,
            // A class in a class, and `&&`, are sets in one syntax and letters in the other.
            '[' | '&' | '~' if in_class => return None,
            '[' => {
                in_class = true;
                plain.push('[');
            }
            ']' => {
                in_class = false;
                plain.push(']');
            }
            other => plain.push(other),
        }
    }
    Some(format!("(?s:.)*(?:{plain})(?s:.)*"))
}

/// A pattern of all texts of so many characters.
fn lengths((least, most): (u64, Option<u64>)) -> String {
    match most.filter(|it| *it <= LENGTH_MAX) {
        Some(most) => format!("(?s:.){{{},{most}}}", least.min(most)),
        None => format!("(?s:.){{{},}}", least.min(LENGTH_MAX)),
    }
}

/// The pattern of the first `length` characters of texts that `pattern` matches, where it is a run
/// of letters of one class: `^[0-9a-f]{64}$`.
pub(super) fn truncated(pattern: &str, length: Option<u64>) -> Option<String> {
    let run = pattern.strip_prefix("^[")?.strip_suffix('$')?;
    let (class, times) = run.split_once(']')?;
    if class.is_empty() || class.contains(['[', '\\']) {
        return None;
    }
    let (least, most) = match times {
        "*" => (0, None),
        "+" => (1, None),
        times => {
            let times = times.strip_prefix('{')?.strip_suffix('}')?;
            let (least, most) = times.split_once(',').unwrap_or((times, times));
            let most = if most.is_empty() { None } else { Some(most.parse().ok()?) };
            (least.parse().ok()?, most)
        }
    };
    let least = length.map_or(0, |it: u64| it.min(least));
    let most = [most, length].into_iter().flatten().min();
    let most = most.map(|it| it.to_string()).unwrap_or_default();
    Some(format!("^[{class}]{{{least},{most}}}$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(known: &[&str], wanted: &str) -> Option<Relation> {
        relate(known, (0, None), wanted)
    }

    #[test]
    fn one_pattern_lies_in_another() {
        let day = "^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$";
        assert_eq!(of(&[day], "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), Some(Relation::Inside));
        assert_eq!(of(&["^[0-9]{4}-[0-9]{2}-[0-9]{2}$"], day), Some(Relation::Across));
        assert_eq!(of(&["^[0-9a-f]{32}$"], "^[0-9a-f]{32,64}$"), Some(Relation::Inside));
        assert_eq!(of(&["^[A-Z]+$"], "^[0-9]+$"), Some(Relation::Apart));
        assert_eq!(of(&["^a"], "a"), Some(Relation::Inside));
        assert_eq!(of(&["a"], "^a"), Some(Relation::Across));
        assert_eq!(of(&[], "^[0-9]+$"), Some(Relation::Across));
        assert_eq!(of(&[], "^"), Some(Relation::Inside));
        assert_eq!(of(&["^[0-9]+$", "^.{2}$"], "^[0-9]{2}$"), Some(Relation::Inside));
        assert_eq!(of(&[r"^\d{2}\.\d{2}$"], r"^[0-9.]{5}$"), Some(Relation::Inside));
    }

    #[test]
    fn a_run_of_one_class_is_one_when_it_is_cut() {
        let cut = |pattern| truncated(pattern, Some(32)).unwrap_or_default();
        assert_eq!(cut("^[0-9a-f]{64}$"), "^[0-9a-f]{32,32}$");
        assert_eq!(cut("^[A-Z]+$"), "^[A-Z]{1,32}$");
        assert_eq!(cut("^[A-Z]{2,}$"), "^[A-Z]{2,32}$");
        assert_eq!(truncated("^[A-Z]{2,}$", None).unwrap(), "^[A-Z]{0,}$");
        for pattern in ["[0-9]+", "^[0-9]+", "^[0-9]+-[0-9]+$", "^[^\\]]{3}$", "^x{3}$"] {
            assert_eq!(cut(pattern), "", "{pattern}");
        }
    }

    #[test]
    fn lengths_count() {
        assert_eq!(relate(&["^[0-9]+$"], (4, Some(4)), "^[0-9]{4}$"), Some(Relation::Inside));
        assert_eq!(relate(&[], (1, None), "."), Some(Relation::Across));
        assert_eq!(relate(&[], (1, None), "^(.|\n)"), Some(Relation::Inside));
        assert_eq!(relate(&[], (0, Some(3)), "^.{4,}$"), Some(Relation::Apart));
        assert_eq!(relate(&[], (2, Some(2)), "^é{2}$"), Some(Relation::Across));
    }

    #[test]
    fn what_may_mean_something_else_is_left_alone() {
        for pattern in [r"\w+", r"\bx", "(?i)x", "[a[b]]", "[a&&b]", r"\p{L}", r"\cA"] {
            assert_eq!(of(&[], pattern), None, "{pattern}");
        }
    }
}
