//! The frame: what a text does first and what it does last.
//!
//! Whatever stands between, a text that ends the query's own, goes on as a query can, and hides what the query would
//! add, is no sentence. People end quotations where they began them; so a quote that nobody opened counts.

use super::Place;
use super::lexer::{Kind, SHORT, TRACE, Token};
use super::words::{Calls, Word};
use crate::rule::Rule;
use crate::tally::Tally;
use crate::text::is_blank;

/// Words that begin a statement. They are everybody's, and count only where a statement must begin.
const OPENERS: &[&[u8]] = &[
    b"analyze",
    b"begin",
    b"bulk",
    b"checkpoint",
    b"close",
    b"commit",
    b"dbcc",
    b"deallocate",
    b"desc",
    b"describe",
    b"discard",
    b"do",
    b"explain",
    b"fetch",
    b"flush",
    b"goto",
    b"handler",
    b"if",
    b"listen",
    b"lock",
    b"notify",
    b"open",
    b"pragma",
    b"prepare",
    b"print",
    b"raiserror",
    b"reconfigure",
    b"reindex",
    b"release",
    b"rename",
    b"replace",
    b"reset",
    b"return",
    b"rollback",
    b"savepoint",
    b"show",
    b"throw",
    b"unlock",
    b"use",
    b"vacuum",
    b"while",
    b"with",
];

/// What `show` shows.
const SHOWN: &[&[u8]] = &[
    b"columns",
    b"databases",
    b"grants",
    b"processlist",
    b"schemas",
    b"status",
    b"tables",
    b"variables",
];

/// Judges the two ends of a text.
pub(super) fn judge(tokens: &[Token<'_>], place: Place, text: &[u8], tally: &mut Tally) {
    let Some((start, rest)) = start(tokens, place) else {
        return;
    };
    let Some((first, behind)) = rest.split_first() else {
        return;
    };
    let is_cut = is_cut(tokens);
    if adds_row(tokens) {
        tally.add(Rule::SqlStatement, 50);
    }
    match (start, first.kind) {
        // `l'Union`, `d'Or`
        (Start::Quote(b'\''), Kind::Word(_))
            if first.glued && tokens.first().is_some_and(Token::is_elided) => {}
        (Start::Quote(quote), kind) => {
            let is_odd = text.iter().filter(|byte| **byte == quote).count() % 2 == 1;
            if is_odd && is_cut && goes_on(kind, first) && !is_prose(rest) {
                tally.add(Rule::SqlComment, 60);
            } else if is_odd && kind == Kind::Semicolon && (opens_statement(behind) || is_all(tokens)) {
                tally.add(Rule::SqlStatement, 50);
            } else if goes_on(kind, first) && is_opened_again(tokens, quote) {
                tally.add(Rule::SqlBreakOut, 50);
            }
            if is_odd && is_begun(tokens) {
                tally.add(Rule::SqlBreakOut, 50);
            }
            // `'/**/'a`
            let is_parted = matches!(tokens.get(1).map(|token| token.kind), Some(Kind::Block(true)));
            if is_parted && matches!(kind, Kind::Text { is_closed: false, .. }) {
                tally.add(Rule::SqlDisguise, 50);
            }
        }
        (Start::Number | Start::Brackets, kind) if is_cut && goes_on(kind, first) && !is_prose(rest) => {
            tally.add(Rule::SqlComment, 60);
        }
        (Start::Number | Start::Brackets, Kind::Semicolon) if shows(behind) => {
            tally.add(Rule::SqlStatement, 50);
        }
        (Start::Brackets, Kind::Semicolon) if opens_condition(behind) => tally.add(Rule::SqlStatement, 50),
        // `) as a from b`
        (Start::Brackets, Kind::Word(Word::As)) if matches!(behind, [name, from, ..] if is_name(name.kind) && from.kind == Kind::Word(Word::From)) =>
        {
            tally.add(Rule::SqlClause, 50);
        }
        (Start::Number, kind) if is_answered(kind, first, behind) => tally.add(Rule::SqlTautology, 50),
        (Start::Nothing, Kind::Word(Word::Logic)) if is_whole_condition(behind) => {
            tally.add(Rule::SqlTautology, 50);
        }
        (Start::Nothing, Kind::Comma) if is_cut => tally.add(Rule::SqlComment, 50),
        (Start::Nothing, Kind::Word(Word::Logic)) if first.text.eq_ignore_ascii_case(b"xor") => {
            let is_begun = matches!(behind, [operand, compare, ..]
                if matches!(operand.kind, Kind::Number(_) | Kind::Text { .. }) && compare.kind == Kind::Compare);
            if is_begun {
                tally.add(Rule::SqlTautology, 50);
            }
        }
        _ => {}
    }
}

/// `1),(2`: ends the row of values that it is in, and begins another.
fn adds_row(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth -= 1,
            Kind::Semicolon | Kind::Other => depth = 0,
            _ => {}
        }
        if depth < 0 {
            let value = at.checked_sub(1).and_then(|left| tokens.get(left));
            let is_value = value.is_some_and(|value| {
                matches!(
                    value.kind,
                    Kind::Number(_) | Kind::Text { .. } | Kind::Word(Word::Constant)
                )
            });
            let behind = tokens.get(at + 1..).unwrap_or_default();
            return is_value
                && token.text == b")"
                && token.glued
                && matches!(behind, [comma, open, next, ..] if comma.kind == Kind::Comma && open.is_round()
                    && comma.glued && open.glued && next.glued && matches!(next.kind, Kind::Number(_) | Kind::Text { .. } | Kind::Word(_)));
        }
    }
    false
}

/// `a';` and nothing else.
fn is_all(tokens: &[Token<'_>]) -> bool {
    matches!(tokens, [host, _] if !host.text.iter().any(|byte| is_blank(*byte)))
}

/// `' or`, `'select a`: a quote, and a query that has hardly begun.
fn is_begun(tokens: &[Token<'_>]) -> bool {
    let [host, first, rest @ ..] = tokens else {
        return false;
    };
    match first.kind {
        _ if is_title(first.text) => false,
        Kind::Word(Word::Logic) => host.text.len() == 1 && rest.is_empty(),
        Kind::Word(Word::Select | Word::Union) => host.text.len() == 1 && rest.len() < 2,
        _ => false,
    }
}

/// Whether a text ends as it began, within quotes that the query closes: `.. where a='b`.
fn is_opened_again(tokens: &[Token<'_>], host: u8) -> bool {
    let [.., joint, last] = tokens else {
        return false;
    };
    let is_open = matches!(last.kind, Kind::Text { quote, is_closed: false } if quote == host);
    is_open && !last.is_wordy() && matches!(joint.kind, Kind::Compare | Kind::Word(Word::Logic | Word::Infix))
}

/// What a number alone can be asked only in SQL: `2 having 3`, `2<=>3`, `2-true`, `2,user()`.
fn is_answered(kind: Kind, first: &Token<'_>, behind: &[Token<'_>]) -> bool {
    let is_number = |token: &Token<'_>| matches!(token.kind, Kind::Number(_));
    let is_truth = |token: &Token<'_>| {
        [&b"true"[..], b"false"]
            .iter()
            .any(|word| token.text.eq_ignore_ascii_case(word))
    };
    let is_odd_one = [&b"rlike"[..], b"regexp", b"having", b"<=>", b"||", b"&&", b"xor"]
        .iter()
        .any(|word| first.text.eq_ignore_ascii_case(word));
    match behind {
        [last] if is_odd_one => is_number(last),
        [last] => matches!(kind, Kind::Arithmetic(_)) && is_truth(last),
        [call, open, ..] => {
            let is_telling = matches!(
                call.kind,
                Kind::Word(Word::Calls(Calls::Identity | Calls::Time | Calls::Sleep))
            );
            kind == Kind::Comma && is_telling && open.kind == Kind::Open
        }
        [] => false,
    }
}

/// `or true`, `and 0`, and nothing else.
fn is_whole_condition(behind: &[Token<'_>]) -> bool {
    matches!(behind, [last] if [&b"true"[..], b"false", b"0", b"1"].iter().any(|word| last.text.eq_ignore_ascii_case(word)))
}

/// What a text does to the query first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Ends a quotation of the query's.
    Quote(u8),
    /// Stands for a number.
    Number,
    /// Closes brackets that it has not opened.
    Brackets,
    /// Goes on at once.
    Nothing,
}

/// How a text starts, and what follows when brackets of the query have been closed.
fn start<'a, 't>(tokens: &'t [Token<'a>], place: Place) -> Option<(Start, &'t [Token<'a>])> {
    let (first, rest) = tokens.split_first()?;
    let (start, rest) = match (place, first.kind) {
        (Place::Within(quote), Kind::Text { is_closed: true, .. }) => (Start::Quote(quote), rest),
        (Place::Within(_), _) => return None,
        (Place::Bare, Kind::Number(_)) => (Start::Number, rest),
        (Place::Bare, Kind::Arithmetic(b'-')) => match rest.split_first() {
            Some((number, rest)) if matches!(number.kind, Kind::Number(_)) => (Start::Number, rest),
            _ => return None,
        },
        (Place::Bare, Kind::Word(Word::Plain)) => (Start::Brackets, rest),
        (Place::Bare, _) => (Start::Nothing, tokens),
    };
    let closed = rest
        .iter()
        .take_while(|token| matches!(token.kind, Kind::Close | Kind::Block(true)))
        .count();
    let has_brackets = rest.iter().take(closed).any(|token| token.kind == Kind::Close);
    let rest = rest.get(closed..)?;
    match start {
        Start::Brackets if !has_brackets => None,
        Start::Nothing if has_brackets => Some((Start::Brackets, rest)),
        _ => Some((start, rest)),
    }
}

/// Whether what comes last hides the rest of the query, and is for nobody to read.
fn is_cut(tokens: &[Token<'_>]) -> bool {
    let Some((last, before)) = tokens.split_last() else {
        return false;
    };
    match last.kind {
        Kind::Block(false) => true,
        Kind::Comment {
            letters,
            is_last: true,
        } => {
            // `C#`
            let is_letter = before
                .last()
                .is_some_and(|token| token.kind == Kind::Word(Word::Plain) && token.text.len() == 1);
            let is_sharp = last.text.starts_with(b"#") && last.glued && is_letter;
            !is_sharp && letters <= if last.text.starts_with(b"#") { TRACE } else { SHORT }
        }
        _ => false,
    }
}

/// Whether what stands before a comment sign is a few words, and the sign the dash behind them.
fn is_prose(tokens: &[Token<'_>]) -> bool {
    let Some((sign, words)) = tokens.split_last() else {
        return false;
    };
    let is_dash = !sign.glued && sign.text.trim_ascii() == b"--";
    let is_for = words
        .first()
        .is_some_and(|word| word.text.eq_ignore_ascii_case(b"for"));
    let is_word = |token: &Token<'_>| matches!(token.kind, Kind::Word(word) if word != Word::System);
    is_dash && (is_for || words.len() > 1 && words.iter().all(is_word))
}

/// Whether a word is written as at the start of a sentence or in a name.
fn is_title(word: &[u8]) -> bool {
    matches!(word, [first, rest @ ..] if first.is_ascii_uppercase() && rest.iter().all(u8::is_ascii_lowercase))
}

/// Whether a query can go on like this behind a value.
fn goes_on(kind: Kind, token: &Token<'_>) -> bool {
    match kind {
        Kind::Semicolon | Kind::Comma => true,
        Kind::Word(Word::Plain) => [&b"with"[..], b"asc", b"minus", b"window", b"fetch", b"lock"]
            .iter()
            .any(|word| token.text.eq_ignore_ascii_case(word)),
        Kind::Word(Word::Constant | Word::Who | Word::Object | Word::System | Word::Calls(_)) => false,
        Kind::Word(_) => true,
        _ => false,
    }
}

fn is_name(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Name | Kind::Word(Word::Plain | Word::Object | Word::Calls(_))
    )
}

/// Whether a statement begins here, given what stands behind a semicolon.
fn opens_statement(behind: &[Token<'_>]) -> bool {
    let mut behind = behind
        .iter()
        .filter(|token| !matches!(token.kind, Kind::Block(_) | Kind::Version));
    let Some(first) = behind.next() else {
        return false;
    };
    let is_opener = OPENERS.iter().any(|word| first.text.eq_ignore_ascii_case(word));
    is_opener || matches!(first.kind, Kind::Word(Word::Verb | Word::Command | Word::Select))
}

/// `show tables`
fn shows(behind: &[Token<'_>]) -> bool {
    matches!(behind, [show, shown, ..] if show.text.eq_ignore_ascii_case(b"show")
        && SHOWN.iter().any(|word| shown.text.eq_ignore_ascii_case(word)))
}

/// `if(1=2)`
fn opens_condition(behind: &[Token<'_>]) -> bool {
    matches!(behind, [condition, open, ..] if condition.text.eq_ignore_ascii_case(b"if") && open.kind == Kind::Open)
}
