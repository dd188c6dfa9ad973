//! "Copy as command": the same act by command line and by curl.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::text::EN;

/// One act as commands.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/command.html")]
pub(crate) struct Command {
    label: &'static str,
    watchroom: String,
    curl: String,
}

impl Command {
    /// `arguments` after `watchroom`; `method`, `path` and perhaps a JSON `body` for curl.
    pub(crate) fn new(arguments: &[&str], method: &str, path: &str, body: Option<&str>) -> Self {
        let quoted: Vec<_> = arguments.iter().map(|argument| quote(argument)).collect();
        let watchroom = format!("watchroom {}", quoted.join(" "));
        let method = if method == "GET" {
            String::new()
        } else {
            format!(" -X {method}")
        };
        let body = body.map_or_else(String::new, |body| {
            format!(" -H 'Content-Type: application/json' --data {}", quote(body))
        });
        let curl = format!(
            "curl --fail-with-body{method} -H \"Authorization: Bearer $WATCHROOM_TOKEN\"{body} \"$WATCHROOM_URL\"{}",
            quote(path)
        );
        Self {
            label: EN.same_by_command,
            watchroom,
            curl,
        }
    }

    /// Under its own name, where several stand together.
    pub(crate) fn called(mut self, label: &'static str) -> Self {
        self.label = label;
        self
    }
}

/// Rendered by its own template, which escapes.
impl HtmlSafe for Command {}

/// The argument as a POSIX shell reads it back unchanged.
fn quote(argument: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+=,".contains(&byte);
    if !argument.is_empty() && argument.bytes().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_typed_leaves_its_quotes() {
        assert_eq!(quote("x'; rm -rf /"), r"'x'\''; rm -rf /'");
        assert_eq!(quote("chatter"), "chatter");
    }

    proptest! {
        #[test]
        fn a_quoted_argument_reads_back_as_itself(text in "[^\\x00]{0,40}") {
            let quoted = quote(&text);
            let plain = quoted.replace(r"'\''", "\u{1}");
            let read = plain.trim_start_matches('\'').trim_end_matches('\'').replace('\u{1}', "'");
            prop_assume!(!text.contains('\u{1}') && !text.starts_with('\'') && !text.ends_with('\''));
            prop_assert_eq!(read, text);
        }
    }
}
