//! Reading Rust source well enough to look for words in code: comments, strings and characters are blanked,
//! every line keeps its number. Not a parser; what needs one belongs into clippy.

/// The source with comments and literals replaced by spaces, as long and with the same lines as before.
pub(crate) fn code_only(source: &str) -> String {
    let mut reader = Reader {
        rest: source,
        out: String::with_capacity(source.len()),
    };
    while reader.step() {}
    reader.out
}

struct Reader<'a> {
    rest: &'a str,
    out: String,
}

impl Reader<'_> {
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        let at_word = self
            .out
            .ends_with(|last: char| last.is_alphanumeric() || last == '_');
        if self.rest.starts_with("//") {
            self.blank(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment(self.rest));
        } else if let Some(length) = (!at_word).then(|| raw_string(self.rest)).flatten() {
            self.blank(length);
        } else if first == '"' {
            self.blank(quoted(self.rest, '"'));
        } else if first == '\'' {
            self.blank_character();
        } else {
            self.keep(first.len_utf8());
        }
        true
    }

    /// A quote begins a character (`'x'`, `'\n'`) or a lifetime (`'a`), which stays.
    fn blank_character(&mut self) {
        let mut following = self.rest.chars().skip(1);
        let escaped = following.next() == Some('\\');
        if escaped || following.next() == Some('\'') {
            self.blank(quoted(self.rest, '\''));
        } else {
            self.keep(1);
        }
    }

    fn keep(&mut self, length: usize) {
        let (kept, rest) = self.rest.split_at(length);
        self.out.push_str(kept);
        self.rest = rest;
    }

    fn blank(&mut self, length: usize) {
        let (gone, rest) = self.rest.split_at(length);
        for byte in gone.bytes() {
            self.out.push(if byte == b'\n' { '\n' } else { ' ' });
        }
        self.rest = rest;
    }
}

/// The length of a block comment, which may hold others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of `r"..."`, `br#"..."#` and their kin, if one begins here.
fn raw_string(text: &str) -> Option<usize> {
    let after = text
        .strip_prefix("br")
        .or_else(|| text.strip_prefix("cr"))
        .or_else(|| text.strip_prefix('r'))?;
    let body = after.trim_start_matches('#');
    let end = format!("\"{}", "#".repeat(after.len() - body.len()));
    let inside = body.strip_prefix('"')?;
    let close = inside.find(&end)?;
    Some(text.len() - inside.len() + close + end.len())
}

/// The length of a quoted literal with backslash escapes, its quotes included.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Blanks the inline modules marked `#[cfg(test)]` in code that [`code_only`] has cleaned.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        let (before, marked) = rest.split_at(start);
        out.push_str(before);
        let length = item_length(marked);
        let (gone, after) = marked.split_at(length);
        out.extend(gone.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// How far an item reaches: to its `;`, or to the brace that closes its first one.
pub(crate) fn item_length(code: &str) -> usize {
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets = brackets.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces <= 1 => return at + 1,
            '}' => braces -= 1,
            ';' if braces == 0 && brackets == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Whether the whole file is test code.
pub(crate) fn is_test_file(name: &str) -> bool {
    name.contains("/tests/")
        || name.contains("/benches/")
        || name.ends_with("tests.rs")
        || name.contains("/testkit/")
}

/// Every place of `word` as a whole path or word in the code, as line numbers from 1.
pub(crate) fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let whole = |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line.get(..at).and_then(|text| text.chars().next_back());
            let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
            let joins = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !joins(before) && (!joins(after) || word.ends_with(['(', ':', '!']))
        })
    };
    code.lines()
        .zip(1..)
        .filter(|(line, _)| whole(line))
        .map(|(_, number)| number)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_comments_and_literals_are_not_code() {
        let source = "// todo!()\nlet a = \"todo!() \\\" {\"; /* { /* } */ */ let b = r#\"\"todo!()\"#; let c = '{';\nlive();\n";
        let code = code_only(source);
        assert!(!code.contains("todo") && !code.contains('{'), "{code}");
        assert_eq!(lines_with(&code, "live("), [3]);
        assert_eq!(code.len(), source.len());
    }

    #[test]
    fn lifetimes_stay_and_do_not_swallow_the_line() {
        let code = code_only("fn a<'x>(b: &'x str, c: &'static str) -> char { '\\'' }");
        assert!(code.contains("&'static str) -> char {"), "{code}");
        assert!(code.ends_with('}'));
    }

    #[test]
    fn a_test_module_is_left_out_and_what_follows_stays() {
        let code = without_tests("fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { spawn() }\n}\nfn c() {}\n");
        assert!(!code.contains("spawn") && code.contains("fn c()"), "{code}");
        assert!(without_tests("#[cfg(test)]\nmod a_tests;\nfn c() {}").contains("fn c()"));
    }

    #[test]
    fn a_word_is_found_whole() {
        assert_eq!(
            lines_with("my_std::env\nstd::env::var\nstd::envelope", "std::env"),
            [2]
        );
    }
}
