//! Statements: does a text bring a query or a command of its own, or call what only a database has?

mod query;
mod spelling;

use super::Place;
use super::lexer::{Kind, SHORT, TRACE, Token};
use super::quotation::Quotation;
use super::words::{Calls, Word};
use crate::rule::Rule;
use crate::tally::Tally;

/// How far a clause is looked for behind the word that needs it. It bounds the work for each word.
const REACH: usize = 24;

/// Judges every word that can begin something.
pub(super) fn judge(
    tokens: &[Token<'_>],
    place: Place,
    quotation: Quotation,
    tally: &mut Tally,
    work: &mut u64,
) {
    let reader = Reader {
        tokens,
        place,
        quotation,
    };
    for (at, token) in tokens.iter().enumerate() {
        *work += 1;
        if tally.is_decided() {
            return;
        }
        match token.kind {
            Kind::Word(Word::Select | Word::Union) if super::is_doubled(token.text) => {
                tally.add(Rule::SqlDisguise, 50);
            }
            Kind::Word(Word::Select) => {
                *work += REACH as u64;
                reader.select(at, tally);
            }
            Kind::Word(Word::Union) => reader.union(at, tally),
            Kind::Word(Word::Verb | Word::Command | Word::Waitfor) => reader.verb(at, tally),
            Kind::Word(Word::Calls(calls)) => reader.call(at, calls, tally),
            Kind::Word(Word::System) => reader.system(at, tally),
            Kind::Word(Word::From) => reader.source(at, tally),
            // `$infile` and `Infile: %s` are of programs.
            Kind::Word(Word::File)
                if reader.before(at) != Some(Kind::Other) && reader.next(at) != Some(Kind::Other) =>
            {
                tally.add(Rule::SqlReach, 30);
            }
            Kind::Word(Word::Plain)
                if token.is_bare_exponent()
                    && matches!(reader.next(at), Some(Kind::Dot | Kind::Open | Kind::Name)) =>
            {
                tally.add(Rule::SqlDisguise, 50);
            }
            Kind::Text { .. } if token.is_json() && matches!(reader.next(at), Some(Kind::Compare)) => {
                tally.add(Rule::SqlFunction, 50);
            }
            Kind::Word(Word::Having | Word::Sort | Word::Procedure | Word::Into | Word::Limit) => {
                reader.clause(at, tally);
            }
            Kind::Word(Word::Who) => tally.add(Rule::SqlFunction, if reader.is_called(at) { 30 } else { 20 }),
            Kind::Word(Word::Against) if reader.is_called(at) => tally.add(Rule::SqlFunction, 50),
            Kind::Word(Word::When) => reader.when(at, tally),
            Kind::Variable(true) => tally.add(Rule::SqlSchema, 50),
            Kind::Variable(false) => {
                tally.add(Rule::SqlSchema, 8);
                reader.assigned(at, tally);
            }
            Kind::Arithmetic(b':') => reader.cast(at, tally),
            Kind::Number(true) => tally.add(Rule::SqlFunction, 8),
            Kind::Version => tally.add(Rule::SqlDisguise, 25),
            Kind::Block(true) if reader.joins_words(at) => tally.add(Rule::SqlDisguise, 50),
            Kind::Block(_) if reader.parts_words(at) => tally.add(Rule::SqlDisguise, 25),
            _ => {}
        }
    }
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    place: Place,
    quotation: Quotation,
}

impl Reader<'_> {
    fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn before(&self, at: usize) -> Option<Kind> {
        // Comments stand for spaces.
        self.tokens
            .get(..at)?
            .iter()
            .rev()
            .take(3)
            .map(|token| token.kind)
            .find(|kind| !is_space(*kind))
    }

    /// The first token from a position on that is no comment, nor one of `skipped`.
    fn after(&self, at: usize, skipped: impl Fn(Kind) -> bool) -> Option<(usize, Kind)> {
        let near = self.tokens.get(at..)?.iter().take(REACH).enumerate();
        near.map(|(by, token)| (at + by, token.kind))
            .find(|(_, kind)| !is_space(*kind) && !skipped(*kind))
    }

    fn next(&self, at: usize) -> Option<Kind> {
        self.after(at + 1, |_| false).map(|(_, kind)| kind)
    }

    /// Whether a position is where a statement can begin.
    fn is_statement_start(&self, at: usize) -> bool {
        match self.before(at) {
            None => true,
            Some(
                Kind::Semicolon | Kind::Open | Kind::Comment { .. } | Kind::Word(Word::Verb | Word::Command),
            ) => true,
            Some(_) => self.is_behind_break(at),
        }
    }

    /// Whether nothing but brackets stands between a position and the quote that ended the query's text.
    fn is_behind_break(&self, at: usize) -> bool {
        if self.place == Place::Bare || self.quotation != Quotation::None {
            return false;
        }
        let before = self.tokens.get(..at).unwrap_or_default();
        at <= 6
            && before
                .iter()
                .skip(1)
                .all(|token| matches!(token.kind, Kind::Close | Kind::Semicolon) || is_space(token.kind))
    }

    /// `drop/**/t`: a comment is all that stands between a word that begins something and what it takes.
    fn joins_words(&self, at: usize) -> bool {
        let left = at.checked_sub(1).and_then(|left| self.kind(left));
        let begins = matches!(
            left,
            Some(Kind::Word(
                Word::Verb | Word::Command | Word::Select | Word::Union | Word::Logic
            ))
        );
        let block = self.tokens.get(at).is_some_and(|block| block.glued);
        let next = self.tokens.get(at + 1).is_some_and(|next| next.glued);
        begins && block && next
    }

    fn parts_words(&self, at: usize) -> bool {
        let is_word = |kind: Option<&Token<'_>>| matches!(kind.map(|token| token.kind), Some(Kind::Word(word)) if word != Word::Plain);
        let left = at.checked_sub(1).and_then(|left| self.tokens.get(left));
        let right = self.tokens.get(at + 1);
        is_word(left) || is_word(right)
    }

    fn is_called(&self, at: usize) -> bool {
        let next = self
            .after(at + 1, |_| false)
            .and_then(|(next, _)| self.tokens.get(next));
        next.is_some_and(Token::is_round)
    }

    fn call(&self, at: usize, calls: Calls, tally: &mut Tally) {
        let is_method = self.before(at) == Some(Kind::Dot) || self.before(at) == Some(Kind::Arithmetic(b':'));
        let is_called = self.is_called(at);
        // `dbms_lock.sleep`, `master..xp_cmdshell`
        let is_package =
            self.next(at) == Some(Kind::Dot) && matches!(self.next_but(at, 1), Some(Kind::Word(_)));
        match calls {
            Calls::Sleep if is_called && !is_method => {
                tally.add(Rule::SqlTime, 45);
                let is_alone =
                    at == 0 && self.tokens.len() == 4 && matches!(self.kind(2), Some(Kind::Number(_)));
                if self.is_joined(at) || is_alone {
                    tally.add(Rule::SqlTime, 10);
                }
            }
            Calls::Time if is_called && !is_method => tally.add(Rule::SqlTime, 50),
            Calls::Error if is_called || is_package => tally.add(Rule::SqlError, 50),
            Calls::Reach
                if is_called
                    || is_package
                    || is_method
                    || is_argument(self.before(at))
                    || is_argument(self.next(at)) =>
            {
                tally.add(Rule::SqlReach, 50);
            }
            Calls::Gathering if is_called && !is_method => tally.add(Rule::SqlFunction, 50),
            Calls::Identity if is_called && !is_method => {
                let is_empty = matches!(self.next_but(at, 1), Some(Kind::Close) | None);
                let is_nested = self.before(at) == Some(Kind::Open)
                    && at
                        .checked_sub(2)
                        .is_some_and(|outer| matches!(self.kind(outer), Some(Kind::Word(Word::Calls(_)))));
                tally.add(Rule::SqlFunction, if is_empty { 30 } else { 25 });
                if is_nested {
                    tally.add(Rule::SqlFunction, 20);
                }
            }
            Calls::Spelling if is_called && !is_method => tally.add(Rule::SqlFunction, 18),
            Calls::Ordinary if is_called && !is_method => tally.add(Rule::SqlFunction, 4),
            _ => {}
        }
        if is_called {
            self.spelled(at, tally);
        }
        // A call that the text does not finish.
        let is_cut = is_called && self.tokens.len() == at + 2;
        if is_cut && !matches!(calls, Calls::Ordinary) {
            tally.add(Rule::SqlFunction, 32);
        }
    }

    /// Whether a call is part of a condition or a list, or right behind a break.
    fn is_joined(&self, at: usize) -> bool {
        let joins = |kind| {
            matches!(
                kind,
                Some(
                    Kind::Logic
                        | Kind::Compare
                        | Kind::Arithmetic(_)
                        | Kind::Comma
                        | Kind::Semicolon
                        | Kind::Word(Word::Logic | Word::Select | Word::Infix)
                )
            )
        };
        let bracket = self.tokens.get(at + 1);
        // `sleep(5);`, `we sleep (5 or 6 hours)`
        let is_within = bracket.is_some_and(|bracket| bracket.glued)
            && (2..6).any(|by| {
                let kind = self.kind(at + by);
                kind != Some(Kind::Semicolon) && joins(kind)
            });
        joins(self.before(at)) || is_within || self.is_behind_break(at)
    }

    fn next_but(&self, at: usize, skipped: usize) -> Option<Kind> {
        self.kind(at + 1 + skipped)
    }

    fn verb(&self, at: usize, tally: &mut Tally) {
        if self.kind(at) == Some(Kind::Word(Word::Waitfor)) {
            if self.next(at) == Some(Kind::Word(Word::Part)) {
                tally.add(Rule::SqlTime, 60);
            }
            return;
        }
        if matches!(self.kind(at), Some(Kind::Word(Word::Command)))
            && self.before(at) != Some(Kind::Other)
            && self.kind(at + 1) == Some(Kind::Open)
            && matches!(self.kind(at + 2), Some(Kind::Variable(_)))
        {
            tally.add(Rule::SqlStatement, 50);
        }
        if !self.is_statement_start(at) {
            // Behind a condition: `'; if 1=1 drop table users--`.
            let is_whole = self.next(at) == Some(Kind::Word(Word::Object)) && self.place != Place::Bare;
            if is_whole
                && matches!(
                    self.next_but(at, 2),
                    Some(Kind::Comment {
                        letters: ..=SHORT,
                        ..
                    })
                )
            {
                tally.add(Rule::SqlStatement, 50);
            }
            return;
        }
        if is_plain_end(self.next(at), self.next_but(at, 1), self.next_but(at, 2)) {
            tally.add(Rule::SqlStatement, 50);
        }
        let is_command = self.kind(at) == Some(Kind::Word(Word::Command));
        let is_stacked = matches!(self.before(at), Some(Kind::Semicolon | Kind::Comment { .. }))
            || self.is_behind_break(at);
        let weight = self.weigh_statement(at, is_command, is_stacked);
        if weight > 0 {
            tally.add(Rule::SqlStatement, weight);
            if is_stacked || self.has_punctuation(at) {
                tally.add(Rule::SqlStatement, 25);
            }
        }
    }

    /// How much what follows a verb makes a statement of it.
    fn weigh_statement(&self, at: usize, is_command: bool, is_stacked: bool) -> u8 {
        match self.next(at) {
            Some(Kind::Word(
                Word::Object | Word::Procedure | Word::Into | Word::From | Word::Calls(Calls::Reach),
            )) => 35,
            Some(Kind::Word(Word::Plain))
                if is_command && matches!(self.next_but(at, 1), Some(Kind::Text { .. })) =>
            {
                35
            }
            Some(Kind::Word(Word::Plain)) if self.next_but(at, 1) == Some(Kind::Word(Word::File)) => 35,
            Some(Kind::Word(Word::Plain))
                if self.next_but(at, 1) == Some(Kind::Word(Word::Part))
                    && self.next_but(at, 2) == Some(Kind::Open) =>
            {
                35
            }
            // `create user x identified by 'y'`
            Some(Kind::Word(Word::Calls(Calls::Identity)))
                if self.is_followed_by(at + 2, &[b"identified", b"by"]) =>
            {
                35
            }
            Some(Kind::Word(Word::Calls(Calls::Identity) | Word::Prefix)) => {
                if is_stacked {
                    30
                } else {
                    20
                }
            }
            Some(Kind::Open)
                if is_command
                    && matches!(self.next_but(at, 1), Some(Kind::Variable(_) | Kind::Text { .. })) =>
            {
                45
            }
            Some(Kind::Variable(_)) => 45,
            Some(Kind::Word(Word::Plain) | Kind::Name) if self.has_set(at) => 45,
            Some(Kind::Word(Word::Plain))
                if is_stacked && self.next_but(at, 1) == Some(Kind::Word(Word::From)) =>
            {
                35
            }
            Some(Kind::Word(Word::Plain)) if is_command && is_stacked && self.ends_soon(at) => 35,
            // `shutdown with nowait`
            Some(Kind::Word(Word::Plain)) if is_stacked && self.is_followed_by(at, &[b"with", b"nowait"]) => {
                50
            }
            Some(Kind::Word(Word::Verb | Word::Command | Word::Select)) => 30,
            None | Some(Kind::Comment { .. } | Kind::Semicolon | Kind::Word(Word::Part))
                if is_command && is_stacked =>
            {
                50
            }
            _ => 0,
        }
    }

    fn is_followed_by(&self, at: usize, words: &[&[u8]]) -> bool {
        let behind = self.tokens.get(at + 1..).unwrap_or_default();
        behind.len() >= words.len()
            && behind
                .iter()
                .zip(words)
                .all(|(token, word)| token.text.eq_ignore_ascii_case(word))
    }

    /// `update t set c = ..`
    fn has_set(&self, at: usize) -> bool {
        let near = self.tokens.get(at + 2..).unwrap_or_default().iter().take(6);
        let mut near = near.skip_while(|token| token.kind != Kind::Word(Word::Verb));
        near.next();
        near.any(|token| token.kind == Kind::Compare)
    }

    fn ends_soon(&self, at: usize) -> bool {
        let near = self.tokens.get(at + 2..).unwrap_or_default();
        near.len() < 8
            && near.iter().any(|token| {
                matches!(
                    token.kind,
                    Kind::Comment { .. } | Kind::Text { .. } | Kind::Block(_)
                )
            })
    }

    fn has_punctuation(&self, at: usize) -> bool {
        let near = self.tokens.get(at + 1..).unwrap_or_default().iter().take(REACH);
        near.into_iter().any(|token| {
            matches!(
                token.kind,
                Kind::Open
                    | Kind::Compare
                    | Kind::Semicolon
                    | Kind::Name
                    | Kind::Comment { .. }
                    | Kind::Variable(_)
                    | Kind::Text { .. }
            )
        })
    }
}

/// `exec xp_..`, `xp_.. 'whoami'`
fn is_argument(kind: Option<Kind>) -> bool {
    matches!(kind, Some(Kind::Word(Word::Command) | Kind::Text { .. }))
}

/// `drop t;--`
fn is_plain_end(name: Option<Kind>, first: Option<Kind>, second: Option<Kind>) -> bool {
    let is_cut = |kind| {
        matches!(
            kind,
            Some(Kind::Comment {
                letters: ..=TRACE,
                is_last: true
            })
        )
    };
    name == Some(Kind::Word(Word::Plain))
        && (is_cut(first) || first == Some(Kind::Semicolon) && is_cut(second))
}

/// What a database reads as a space.
fn is_space(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Block(true) | Kind::Version | Kind::Comment { is_last: false, .. }
    )
}
