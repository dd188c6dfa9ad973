//! HTML that cannot carry somebody else's markup: tags are constants of the program, everything else is escaped.

/// A page in the making.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Tags, as they stand in the program.
    pub(super) fn raw(&mut self, tags: &'static str) -> &mut Self {
        self.0.push_str(tags);
        self
    }

    /// Text, as content or inside a quoted attribute. Characters that would turn the reading direction are left
    /// out, so that a name cannot dress up the words behind it.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
                other => self.0.push(other),
            }
        }
        self
    }

    /// The whole of it.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_name() {
        let mut page = Markup::default();
        page.raw("<b title=\"")
            .text("a\" onclick='x'")
            .raw("\">")
            .text("<script>\u{202e}&")
            .raw("</b>");
        let expected = "<b title=\"a&quot; onclick=&#39;x&#39;\">&lt;script&gt;&amp;</b>";
        assert_eq!(page.into_text(), expected);
    }
}
