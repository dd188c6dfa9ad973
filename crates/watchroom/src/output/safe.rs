//! Foreign text on a terminal: colours may pass, nothing that moves, retitles, answers, hides or reorders may.

/// Whether colour sequences (SGR, ECMA-48 8.3.117) pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colors {
    /// They do.
    Keep,
    /// They are left out.
    Drop,
}

/// The text with every control character but tab shown as U+FFFD, except colour sequences; so are the
/// characters that nobody sees but that change what is read, or the order it is read in.
#[must_use]
pub fn safe(text: &str, colors: Colors) -> String {
    if !text.chars().any(|c| c.is_control() || is_deceptive(c)) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_colored = false;
    while let Some(c) = rest.chars().next() {
        if let Some(len) = color_sequence(rest) {
            let (sequence, tail) = rest.split_at(len);
            if colors == Colors::Keep {
                shown.push_str(sequence);
                is_colored = true;
            }
            rest = tail;
            continue;
        }
        let is_shown = c == '\t' || !(c.is_control() || is_deceptive(c));
        shown.push(if is_shown { c } else { '\u{fffd}' });
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    if is_colored {
        // What the line switched on must not colour the next one.
        shown.push_str("\x1b[0m");
    }
    shown
}

/// Characters without a width of their own, by which a line can look like another one: bidirectional
/// controls ("Trojan Source", CVE-2021-42574), zero-width spaces, joiners and marks.
fn is_deceptive(c: char) -> bool {
    matches!(
        c,
        '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    )
}

/// The length of the colour sequence that `text` starts with.
fn color_sequence(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let len = parameters
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'))
        .count();
    (parameters.as_bytes().get(len) == Some(&b'm')).then_some(2 + len + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_pass_or_go_and_titles_never_pass() {
        assert_eq!(safe("\x1b[31mred\x1b[0m", Colors::Drop), "red");
        assert_eq!(safe("\x1b[1;31mred", Colors::Keep), "\x1b[1;31mred\x1b[0m");
        assert_eq!(
            safe("\x1b]0;owned\x07 a\tb", Colors::Keep),
            "\u{fffd}]0;owned\u{fffd} a\tb"
        );
        assert_eq!(safe("\x1b[2J", Colors::Keep), "\u{fffd}[2J");
    }

    #[test]
    fn a_line_cannot_be_turned_around_or_hide_something() {
        assert_eq!(
            safe("paid \u{202e}001\u{2066} to\u{2069}", Colors::Keep),
            "paid \u{fffd}001\u{fffd} to\u{fffd}"
        );
        assert_eq!(
            safe("ad\u{200b}min\u{feff}", Colors::Drop),
            "ad\u{fffd}min\u{fffd}"
        );
        assert_eq!(safe("naïve 日本 עברית", Colors::Keep), "naïve 日本 עברית");
    }

    proptest! {
        #[test]
        fn no_control_character_but_tab_survives(text in any::<String>()) {
            let shown = safe(&text, Colors::Drop);
            prop_assert!(shown.chars().all(|c| (!c.is_control() || c == '\t') && !is_deceptive(c)));
        }

        #[test]
        fn text_without_control_characters_is_left_alone(text in "\\PC{0,40}") {
            prop_assume!(!text.chars().any(|c| c.is_control() || is_deceptive(c)));
            prop_assert_eq!(safe(&text, Colors::Keep), text);
        }
    }
}
