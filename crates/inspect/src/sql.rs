//! SQL injection: what a text does to the query it is put into.
//!
//! Where in the query that is, nobody knows from outside: it may stand bare, or within quotes of any of three kinds.
//! So a text is lexed once for each of the places its own quotes make possible, and judged in each. What the lexer
//! gives is judged twice, as an expression ([`expression`]) and as a statement ([`statement`]).

mod expression;
mod frame;
mod lexer;
mod quotation;
mod statement;
mod token;
mod words;

use crate::scan::Traits;
use crate::tally::{Finding, Tally};

use lexer::{Token, lex};
use quotation::Quotation;

/// Where in a query a text may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On its own, as a number does.
    Bare,
    /// Within quotes of this kind.
    Within(u8),
}

/// PostgreSQL's other quote, which is two of these.
const DOLLARS: u8 = b'$';

/// Whether a word is one of SQL's with itself inside, as it survives a filter.
pub(crate) fn is_doubled(word: &[u8]) -> bool {
    words::within_itself(word).is_some()
}

/// Reads one view of a text as SQL, wherever in a query it may land.
pub(crate) fn judge(text: &[u8], traits: Traits, work: &mut u64) -> Option<Finding> {
    // One list for all places: a long text makes a large one.
    let mut tokens = Vec::with_capacity(text.len() / 3 + 4);
    let mut judge_at = |place, work: &mut u64| {
        lex(text, place, &mut tokens);
        judge_tokens(&tokens, place, text, work)
    };
    let mut worst = judge_at(Place::Bare, work);
    if worst.is_some() || !traits.has_quote() && !crate::text::contains(text, b"$$") {
        return worst;
    }
    for quote in *b"'\"`" {
        if worst.is_none() && text.contains(&quote) {
            worst = judge_at(Place::Within(quote), work);
        }
    }
    if worst.is_none() && crate::text::contains(text, b"$$") {
        worst = judge_at(Place::Within(DOLLARS), work);
    }
    worst
}

fn judge_tokens(tokens: &[Token<'_>], place: Place, text: &[u8], work: &mut u64) -> Option<Finding> {
    *work += u64::try_from(text.len() + tokens.len()).unwrap_or(u64::MAX);
    let mut tally = Tally::default();
    let quotation = Quotation::of(text, place);
    expression::judge(tokens, place, quotation, &mut tally, work);
    // Backticks hold names in queries, and code in most texts that have them; there they come in pairs.
    let is_code = place == Place::Within(b'`')
        && text
            .iter()
            .filter(|byte| **byte == b'`')
            .count()
            .is_multiple_of(2);
    if !tally.is_decided() && !is_code {
        statement::judge(tokens, place, quotation, &mut tally, work);
        if quotation != Quotation::Enclosed {
            frame::judge(tokens, place, text, &mut tally);
        }
    }
    tally.finding()
}
