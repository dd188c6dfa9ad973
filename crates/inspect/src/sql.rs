//! SQL injection: what a text does to the query it is put into.
//!
//! Where in the query that is, nobody knows from outside: it may stand bare, or within quotes of any of three kinds.
//! So a text is lexed once for each of the places its own quotes make possible, and judged in each. What the lexer
//! gives is judged twice, as an expression ([`expression`]) and as a statement ([`statement`]).

mod expression;
mod lexer;
mod statement;
mod words;

use crate::scan::Traits;
use crate::tally::{Finding, Tally};

use lexer::lex;

/// Where in a query a text may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On its own, as a number does.
    Bare,
    /// Within quotes of this kind.
    Within(u8),
}

/// Reads one view of a text as SQL, wherever in a query it may land.
pub(crate) fn judge(text: &[u8], traits: Traits, work: &mut u64) -> Option<Finding> {
    let mut worst = judge_at(Place::Bare, text, work);
    if !traits.has_quote() {
        return worst;
    }
    for quote in *b"'\"`" {
        if worst.is_none() && text.contains(&quote) {
            worst = judge_at(Place::Within(quote), text, work);
        }
    }
    worst
}

fn judge_at(place: Place, text: &[u8], work: &mut u64) -> Option<Finding> {
    let tokens = lex(text, place);
    *work += u64::try_from(text.len() + tokens.len()).unwrap_or(u64::MAX);
    let mut tally = Tally::default();
    expression::judge(&tokens, place, &mut tally, work);
    // Backticks hold names in queries, and code in most texts that have them; only a condition tells which it is.
    if !tally.is_decided() && place != Place::Within(b'`') {
        statement::judge(&tokens, place, &mut tally, work);
    }
    tally.finding()
}
