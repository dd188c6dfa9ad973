//! SQL split into tokens, as the databases together would: MySQL's comments and quotes, PostgreSQL's dollars,
//! SQL Server's brackets. It never fails; what is no token of SQL is [`Kind::Other`].

use super::Place;
pub(super) use super::token::{Kind, SHORT, TRACE, Token};
use super::words::{Word, word};
use crate::text::{from, is_blank, is_name};

/// Splits a text that stands in a query at some place. `tokens` is overwritten.
pub(super) fn lex<'a>(text: &'a [u8], place: Place, tokens: &mut Vec<Token<'a>>) {
    tokens.clear();
    let mut lexer = Lexer { text, at: 0, tokens };
    if let Place::Within(quote) = place {
        lexer.host_text(quote);
    }
    while let Some(byte) = lexer.peek() {
        let blank = lexer.skip_blank();
        let Some(next) = lexer.peek().filter(|_| blank || !is_blank(byte)) else {
            break;
        };
        lexer.token(next, !blank);
    }
}

struct Lexer<'a, 't> {
    text: &'a [u8],
    at: usize,
    tokens: &'t mut Vec<Token<'a>>,
}

impl<'a> Lexer<'a, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        from(self.text, self.at)
    }

    fn skip_blank(&mut self) -> bool {
        let blank = self.rest().iter().take_while(|byte| is_blank(**byte)).count();
        self.at += blank;
        blank > 0
    }

    fn push(&mut self, kind: Kind, glued: bool, length: usize) {
        let text = self.rest().get(..length).unwrap_or_default();
        self.at += length;
        self.tokens.push(Token { kind, glued, text });
    }

    /// The text of the query that the value continues, up to the first quote of its kind. A backslash does not
    /// save that quote: many queries are put together by those who double it.
    fn host_text(&mut self, quote: u8) {
        if quote == b'$' {
            let end = self.text.windows(2).position(|pair| pair == b"$$");
            let is_closed = end.is_some();
            let length = end.map_or(self.text.len(), |end| end + 2);
            return self.push(Kind::Text { quote, is_closed }, true, length);
        }
        let end = self.text.iter().position(|byte| *byte == quote);
        // A doubled quote is one of the text itself, unless what follows shows that it was not meant so.
        let mut length = end.map_or(self.text.len(), |end| end + 1);
        while self.text.get(length) == Some(&quote)
            && self.text.get(length + 1).is_some_and(|byte| is_name(*byte))
        {
            let rest = from(self.text, length + 1);
            match rest.iter().position(|byte| *byte == quote) {
                Some(next) => length += 1 + next + 1,
                None => break,
            }
        }
        self.push(
            Kind::Text {
                quote,
                is_closed: end.is_some(),
            },
            true,
            length,
        );
    }

    fn token(&mut self, byte: u8, glued: bool) {
        match byte {
            b'\'' | b'"' => self.quoted(byte, 0, glued),
            b'`' => self.name(b'`', glued),
            b'[' => self.bracket(glued),
            b'0'..=b'9' => self.number(glued),
            b'.' if self.rest().get(1).is_some_and(u8::is_ascii_digit) && !self.after_operand() => {
                self.number(glued);
            }
            b'@' => self.variable(glued),
            b'(' => self.push(Kind::Open, glued, 1),
            b'{' => self.push(Kind::Open, glued, 1 + odbc(from(self.rest(), 1))),
            b')' | b'}' => self.push(Kind::Close, glued, 1),
            b',' => self.push(Kind::Comma, glued, 1),
            b';' => self.push(Kind::Semicolon, glued, 1),
            b'.' => self.push(Kind::Dot, glued, 1),
            b'#' if self.is_comment_sign() => self.comment(1, glued),
            b'$' => self.dollar(glued),
            _ if is_name(byte) => self.word(glued),
            _ => self.operator(byte, glued),
        }
    }

    /// Whether a name stands right before this, and not a word such as `or`.
    fn after_operand(&self) -> bool {
        self.after_name()
            && !matches!(
                self.tokens.last().map(|token| token.kind),
                Some(Kind::Word(
                    Word::Logic | Word::Prefix | Word::Infix | Word::Select
                ))
            )
    }

    /// Whether `#` begins a comment, and is not part of an operator for JSON.
    fn is_comment_sign(&self) -> bool {
        match self.rest() {
            [_, b'>', ..] => false,
            [_, b'-', b' ' | b'\'', ..] => !self.after_document(),
            _ => true,
        }
    }

    fn after_name(&self) -> bool {
        self.at
            .checked_sub(1)
            .and_then(|left| self.text.get(left))
            .is_some_and(|left| is_name(*left))
    }

    /// A text, `skip` bytes of prefix before its quote.
    fn quoted(&mut self, quote: u8, skip: usize, glued: bool) {
        let mut length = skip + 1;
        let rest = self.rest();
        let is_closed = loop {
            match rest.get(length) {
                None => break false,
                Some(b'\\') => length += 2,
                Some(byte) if *byte == quote => {
                    if rest.get(length + 1) == Some(&quote)
                        && rest.get(length + 2).is_some_and(|byte| is_name(*byte))
                    {
                        length += 2;
                        continue;
                    }
                    length += 1;
                    break true;
                }
                Some(_) => length += 1,
            }
        };
        self.push(Kind::Text { quote, is_closed }, glued, length.min(rest.len()));
    }

    fn name(&mut self, close: u8, glued: bool) {
        let rest = self.rest();
        let end = from(rest, 1).iter().position(|byte| *byte == close);
        match end {
            Some(end) => self.push(Kind::Name, glued, end + 2),
            None => self.push(
                Kind::Text {
                    quote: close,
                    is_closed: false,
                },
                glued,
                rest.len(),
            ),
        }
    }

    fn bracket(&mut self, glued: bool) {
        let inner = from(self.rest(), 1)
            .iter()
            .take(64)
            .take_while(|byte| is_name(**byte))
            .count();
        if inner > 0 && self.rest().get(inner + 1) == Some(&b']') {
            self.push(Kind::Name, glued, inner + 2);
        } else {
            self.push(Kind::Other, glued, 1);
        }
    }

    fn number(&mut self, glued: bool) {
        let rest = self.rest();
        if let [b'0', b'x' | b'X', digits @ ..] = rest {
            let digits = digits.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            if digits > 0 {
                self.push(Kind::Number(digits >= 8), glued, digits + 2);
                return;
            }
        }
        let mut length = rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
            .count()
            .max(1);
        if let Some(b'e' | b'E') = rest.get(length) {
            let sign = usize::from(matches!(rest.get(length + 1), Some(b'+' | b'-')));
            let digits = from(rest, length + 1 + sign)
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if digits > 0 {
                length += 1 + sign + digits;
            }
        }
        // `1union` is two tokens to MySQL, `1st` a word to everybody.
        let tail = from(rest, length)
            .iter()
            .take_while(|byte| is_name(**byte))
            .count();
        let tail_word = from(rest, length).get(..tail).unwrap_or_default();
        if tail > 0 && word(tail_word) == Word::Plain {
            self.push(Kind::Word(Word::Plain), glued, length + tail);
        } else {
            self.push(Kind::Number(false), glued, length);
        }
    }

    fn variable(&mut self, glued: bool) {
        let rest = self.rest();
        if rest.get(1) == Some(&b'>') {
            return self.push(Kind::Compare, glued, 2);
        }
        let signs = rest.iter().take(2).take_while(|byte| **byte == b'@').count();
        let name = from(rest, signs);
        let length = match name.first() {
            Some(quote @ (b'`' | b'\'' | b'"')) => from(name, 1)
                .iter()
                .take(64)
                .position(|byte| byte == quote)
                .map_or(0, |end| end + 2),
            _ => name
                .iter()
                .take_while(|byte| is_name(**byte) || matches!(byte, b'.' | b'$'))
                .count(),
        };
        // Behind a name it is an address of somebody.
        let is_address = self.after_name()
            && !matches!(self.tokens.last().map(|token| token.kind), Some(Kind::Word(last)) if last != Word::Plain);
        if is_address || length == 0 {
            self.push(Kind::Other, glued, signs + length);
        } else {
            self.push(Kind::Variable(signs == 2), glued, signs + length);
        }
    }

    /// `$1`, and PostgreSQL's `$tag$ .. $tag$`.
    fn dollar(&mut self, glued: bool) {
        let rest = self.rest();
        let tag = from(rest, 1)
            .iter()
            .take(32)
            .take_while(|byte| is_name(**byte))
            .count()
            + 2;
        let is_text = rest.get(tag - 1) == Some(&b'$');
        if !is_text {
            self.push(Kind::Other, glued, 1);
            return;
        }
        let mark = rest.get(..tag).unwrap_or_default();
        let body = from(rest, tag);
        let end = body.windows(tag).position(|window| window == mark);
        let length = end.map_or(rest.len(), |end| tag + end + tag);
        self.push(
            Kind::Text {
                quote: b'$',
                is_closed: end.is_some(),
            },
            glued,
            length,
        );
    }

    fn word(&mut self, glued: bool) {
        let rest = self.rest();
        let length = rest
            .iter()
            .take_while(|byte| is_name(**byte) || **byte == b'$')
            .count();
        let name = rest.get(..length).unwrap_or_default();
        if let Some(quote @ (b'\'' | b'"')) = rest.get(length)
            && is_text_prefix(name)
        {
            self.quoted(*quote, length, glued);
            return;
        }
        self.push(Kind::Word(word(name)), glued, length);
    }

    fn comment(&mut self, sign: usize, glued: bool) {
        let rest = self.rest();
        // `#5` is a number of something to everybody but a database, and most attacks leave nothing there.
        if sign == 1 && rest.get(1).is_some_and(u8::is_ascii_digit) {
            self.push(Kind::Other, glued, 1);
            return;
        }
        let line = rest
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'))
            .unwrap_or(rest.len());
        let words = rest.get(sign..line).unwrap_or_default();
        let is_last = from(rest, line).iter().all(|byte| is_blank(*byte));
        let letters = words
            .iter()
            .filter(|byte| !is_blank(**byte))
            .take(usize::from(u8::MAX))
            .count();
        let letters = u8::try_from(letters).unwrap_or(u8::MAX);
        self.push(Kind::Comment { letters, is_last }, glued, line.max(1));
    }

    fn operator(&mut self, byte: u8, glued: bool) {
        let rest = self.rest();
        let (kind, length) = match rest {
            [b'-', b'-', b'-', ..] => (Kind::Arithmetic(b'-'), 1),
            [b'-', b'-', next, ..]
                if is_blank(*next) || matches!(next, b'+' | b'#' | b'\'' | b'"' | b'/') =>
            {
                return self.comment(2, glued);
            }
            [b'-', b'-', ..]
                if self.at.checked_sub(1).and_then(|left| self.text.get(left)) == Some(&b'\n') =>
            {
                return self.comment(2, glued);
            }
            [b'-', b'-'] => return self.comment(2, glued),
            // Only MySQL asks for white space behind the sign. A word alone on the rest of the line is padding.
            [b'-', b'-', rest @ ..] if glued && pads_line(rest) => return self.comment(2, glued),
            [b'/', b'*', ..] => return self.block(glued),
            [b'*', b'/', ..] => (Kind::Version, 2),
            [b'<', b'=', b'>', ..] | [b'<', b'-', b'>', ..] => (Kind::Compare, 3),
            // Patterns in PostgreSQL.
            [b'!', b'~', b'~', b'*', ..] => (Kind::Compare, 4),
            [b'!', b'~', b'*' | b'~', ..] | [b'~', b'~', b'*', ..] => (Kind::Compare, 3),
            [b'!', b'~', ..] | [b'~', b'~' | b'*', ..] | [b'^', b'@', ..] => (Kind::Compare, 2),
            // JSON in PostgreSQL.
            [b'-' | b'#', b'>', b'>', ..] => (Kind::Compare, 3),
            [b'#', b'-', ..] => (Kind::Compare, 2),
            [b'<', b'@', ..] | [b'-' | b'#', b'>', ..] | [b'?', b'|' | b'&', ..] => (Kind::Compare, 2),
            [b'?', ..] if !glued && self.after_document() => (Kind::Compare, 1),
            [b'<' | b'>' | b'!' | b'=' | b'^', b'=', ..] | [b'<', b'>', ..] => (Kind::Compare, 2),
            [b'=' | b'<' | b'>', ..] if matches!(rest.get(1), Some(b'<' | b'>')) => {
                (Kind::Arithmetic(byte), 2)
            }
            [b'=' | b'<' | b'>', ..] => (Kind::Compare, 1),
            [b'|', b'|', ..] | [b'&', b'&', ..] => (Kind::Logic, 2),
            [b':', b':' | b'=', ..] => (Kind::Arithmetic(b':'), 2),
            [b'\\', b'N', ..] => (Kind::Word(Word::Constant), 2),
            [b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'|' | b'&', ..] => (Kind::Arithmetic(byte), 1),
            [b'!' | b'~', ..] => (Kind::Bang, 1),
            _ => (Kind::Other, 1),
        };
        self.push(kind, glued, length);
    }

    /// Whether a text, or a text made into something else, was the last thing: what JSON stands in.
    fn after_document(&self) -> bool {
        match self.tokens.as_slice() {
            [.., last] if matches!(last.kind, Kind::Text { is_closed: true, .. }) => true,
            [.., cast, kind] => cast.kind == Kind::Arithmetic(b':') && matches!(kind.kind, Kind::Word(_)),
            _ => false,
        }
    }

    fn block(&mut self, glued: bool) {
        let rest = self.rest();
        if let [b'/', b'*', b'!', inner @ ..] = rest {
            let digits = inner.iter().take_while(|byte| byte.is_ascii_digit()).count();
            self.push(Kind::Version, glued, digits + 3);
            return;
        }
        let end = from(rest, 2).windows(2).position(|pair| pair == b"*/");
        self.push(
            Kind::Block(end.is_some()),
            glued,
            end.map_or(rest.len(), |end| end + 4),
        );
    }
}

/// How long the kind of a value in ODBC's brackets is, `d` in `{d '2000-01-01'}`; databases take any letters there.
fn odbc(rest: &[u8]) -> usize {
    let letters = rest
        .iter()
        .take(3)
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let is_apart = rest.get(letters).is_some_and(|byte| is_blank(*byte));
    if letters < 3 && is_apart { letters } else { 0 }
}

/// Whether a text begins with a word, and that ends its line but not the text.
fn pads_line(rest: &[u8]) -> bool {
    let word = rest.iter().take_while(|byte| is_name(**byte)).count();
    word > 0 && rest.get(word) == Some(&b'\n') && !from(rest, word).trim_ascii().is_empty()
}

/// Letters right before a quote that belong to the text.
fn is_text_prefix(name: &[u8]) -> bool {
    match name {
        [letter] => matches!(letter.to_ascii_lowercase(), b'n' | b'x' | b'b' | b'e' | b'q'),
        [b'_', charset @ ..] => [&b"utf8"[..], b"latin1", b"binary", b"utf8mb4", b"ascii"]
            .iter()
            .any(|known| charset.eq_ignore_ascii_case(known)),
        _ => false,
    }
}
