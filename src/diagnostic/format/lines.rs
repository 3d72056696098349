//! The lines of the result, and the comments behind them.

use super::print::STEP;

/// A line of the result.
#[derive(Default)]
pub(super) struct Line {
    pub(super) indent: usize,
    pub(super) text: String,
    pub(super) comment: Option<String>,
    /// Whether a blank line stands before it.
    pub(super) blank: bool,
}

impl Line {
    /// Whether nothing stands on it but the `-` of items.
    pub(super) fn is_dashes(&self) -> bool {
        self.text.chars().all(|it| it == '-' || it == ' ')
    }

    pub(super) fn width(&self) -> usize {
        self.indent + self.text.chars().count()
    }
}

/// The lines as text. Comments behind neighbouring lines stand below each other.
pub(super) fn render(lines: &[Line]) -> String {
    let mut text = String::new();
    let mut column = 0;
    for (number, line) in lines.iter().enumerate() {
        if line.blank && number > 0 {
            text.push('\n');
        }
        let starts = number == 0
            || line.blank
            || lines.get(number - 1).is_none_or(|it| it.comment.is_none());
        if starts {
            let together = lines.get(number..).unwrap_or_default().iter().enumerate();
            let together =
                together.take_while(|(n, it)| it.comment.is_some() && (*n == 0 || !it.blank));
            column = together.map(|(_, it)| it.width()).max().unwrap_or_default() + STEP;
        }
        if !line.text.is_empty() {
            text.extend(std::iter::repeat_n(' ', line.indent));
            text.push_str(&line.text);
        }
        if let Some(comment) = &line.comment {
            text.extend(std::iter::repeat_n(' ', column.saturating_sub(line.width())));
            text.push_str(comment);
        }
        text.push('\n');
    }
    text
}
