//! Does this text attack? SQL injection, cross-site scripting and path traversal in the value of one field.
//!
//! A text is read as the machines behind us would read it. Each layer of encoding is taken off, the outermost
//! first ([`mod@decode`]), and each view so gained is read three ways: as SQL that continues the query it lands in
//! ([`mod@sql`]), as markup or script ([`mod@markup`]), and as a path ([`mod@traversal`]). A reader does not look for
//! words: it splits the text into tokens and asks whether they hang together as an attack must. So *select one or
//! more from the list -- thanks* passes, and `0'/**/oR/**/1=1#` does not. What was seen adds up to a score; from
//! [`REFUSED`] on there is a [`Finding`].
//!
//! Guarantees: no I/O, no panic on any bytes, time and memory linear in the length of the text (every loop either
//! moves on or looks at a bounded number of tokens, and [`inspect_counting`] shows the count). Text without
//! anything an attack needs is left after one look at each byte and allocates nothing.
//!
//! This is the second line of defence. The first stands elsewhere: queries take parameters, output is escaped, and
//! paths are confined.

mod decode;
mod markup;
mod rule;
mod scan;
mod sql;
mod tally;
#[cfg(test)]
mod tests;
mod text;
mod traversal;

pub use rule::{Class, Rule};
pub use tally::{Finding, REFUSED};

use scan::Traits;
use tally::Tally;

/// How often a layer of encoding is taken off. An attacker needs the layers that the machines behind us take off
/// themselves, which are two or three; the rest is for mixed spellings, each kind being a layer.
const LAYERS: usize = 8;

/// What is wrong with a text, if anything is. It is the value of one field, after the one decoding that HTTP itself
/// asks for.
///
/// ```
/// use watchroom_inspect::{Class, inspect};
///
/// assert_eq!(inspect(b"Conan O'Brien"), None);
/// let finding = inspect(b"1%2527%20or%20%25271%2527=%25271").expect("a tautology, encoded twice");
/// assert_eq!(finding.class(), Class::Sqli);
/// ```
#[must_use]
pub fn inspect(text: &[u8]) -> Option<Finding> {
    inspect_counting(text).0
}

/// As [`inspect`], with the work done: bytes and tokens looked at. It grows in proportion to the text; the property
/// tests hold it to that.
#[must_use]
pub fn inspect_counting(text: &[u8]) -> (Option<Finding>, u64) {
    let traits = Traits::of(text);
    let mut work = length(text);
    if traits.is_harmless(text) {
        return (None, work);
    }
    let mut finding = judge(text, traits, false, &mut work);
    let mut outer: Option<Vec<u8>> = None;
    for _ in 0..LAYERS {
        if finding.is_some() {
            break;
        }
        let Some(inner) = decode::layer(outer.as_deref().unwrap_or(text), &mut work) else {
            break;
        };
        finding = judge(&inner, Traits::of(&inner), true, &mut work);
        outer = Some(inner);
    }
    if finding.is_none() {
        let mut tally = Tally::default();
        traversal::judge_spelling(text, &mut tally);
        work += length(text);
        finding = tally.finding();
    }
    (finding, work)
}

/// Reads one view in the three ways and tells the worst.
fn judge(text: &[u8], traits: Traits, is_decoded: bool, work: &mut u64) -> Option<Finding> {
    let mut worst: Option<Finding> = None;
    // Of two that are equally sure a query says more than the name of a file in it.
    let is_worse = |finding: Finding, worst: Finding| {
        finding.score > worst.score
            || finding.score == worst.score
                && worst.class() == Class::Traversal
                && finding.class() == Class::Sqli
    };
    let mut consider = |finding: Option<Finding>| {
        if let Some(finding) = finding
            && worst.is_none_or(|worst| is_worse(finding, worst))
        {
            worst = Some(finding);
        }
    };
    *work += length(text);
    if traits.may_be_markup() {
        consider(markup::judge(text, work));
    }
    if traits.may_be_path() {
        consider(traversal::judge(text, is_decoded, work));
    }
    if traits.may_be_sql() {
        consider(sql::judge(text, traits, work));
    }
    worst
}

fn length(text: &[u8]) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
