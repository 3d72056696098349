//! What came of tests as JUnit XML, which machines that build read.

use super::runner::Played;
use crate::{
    diagnostic::{Language, text},
    trial::Difference,
};

/// One suite for each file.
pub(super) fn render(played: &[Played<'_>], language: Language) -> String {
    let failed = played.iter().filter(|it| !it.has_passed()).count();
    let seconds: f64 = played.iter().map(|it| it.took.as_secs_f64()).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!(
        "<testsuites name=\"simpul\" tests=\"{}\" failures=\"{failed}\" time=\"{seconds:.3}\">\n",
        played.len()
    ));
    for of_file in played.chunk_by(|left, right| left.suite.file == right.suite.file) {
        let Some(first) = of_file.first() else { continue };
        let failed = of_file.iter().filter(|it| !it.has_passed()).count();
        let seconds: f64 = of_file.iter().map(|it| it.took.as_secs_f64()).sum();
        out.push_str(&format!(
            "  <testsuite name=\"{}\" file=\"{}\" tests=\"{}\" failures=\"{failed}\" time=\"{seconds:.3}\">\n",
            quoted(&first.suite.route),
            quoted(&first.suite.file),
            of_file.len()
        ));
        of_file.iter().for_each(|it| case(it, language, &mut out));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>");
    out
}

fn case(played: &Played<'_>, language: Language, out: &mut String) {
    let Played { suite, case, came, took } = played;
    out.push_str(&format!(
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.3}\"",
        quoted(&suite.route),
        quoted(&case.name),
        quoted(&suite.file),
        case.at.line,
        took.as_secs_f64()
    ));
    let lines = match came {
        Err(why) => vec![why.told(language)],
        Ok((_, differences)) => differences.iter().map(|it| difference(it, language)).collect(),
    };
    if lines.is_empty() {
        out.push_str("/>\n");
        return;
    }
    let first = lines.first().map(String::as_str).unwrap_or_default();
    out.push_str(&format!(
        ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
        quoted(first),
        quoted(&lines.join("\n"))
    ));
}

fn difference(it: &Difference, language: Language) -> String {
    let lines: Vec<_> = it.lines.iter().map(|it| it.told(language)).collect();
    text!("{} (line {}): {}", it.about.clone(), &it.at.line, &lines.join("\n  ")).told(language)
}

/// Text as XML may have it; characters that it may not have are left out.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_has_a_meaning_for_is_quoted_and_what_it_may_not_have_is_left_out() {
        assert_eq!(quoted("a<b> & \"c\"\n\u{1b}[0m"), "a&lt;b&gt; &amp; &quot;c&quot;&#10;[0m");
    }
}
