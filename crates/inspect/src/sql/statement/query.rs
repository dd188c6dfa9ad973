//! Queries and their clauses: `union select`, lists, tables, `order by`, `having`.

use super::super::Place;
use super::super::lexer::{Kind, SHORT, Token};
use super::super::words::{Calls, Word};
use super::{REACH, Reader};
use crate::rule::Rule;
use crate::tally::Tally;

impl Reader<'_> {
    pub(super) fn union(&self, at: usize, tally: &mut Tally) {
        let skipped = |kind| {
            matches!(
                kind,
                Kind::Open | Kind::Word(Word::Prefix | Word::Calls(Calls::Ordinary)) | Kind::Comment { .. }
            )
        };
        match self.after(at + 1, skipped) {
            Some((select, Kind::Word(Word::Select))) => {
                // "Union Select Committee" is a name.
                let is_query = self.weigh_select(select) >= 20 || self.begins_list(select);
                tally.add(Rule::SqlUnion, if is_query { 55 } else { 30 });
            }
            Some((values, Kind::Word(Word::Part)))
                if matches!(
                    self.kind(values + 1),
                    Some(Kind::Open | Kind::Word(Word::Calls(_)))
                ) =>
            {
                tally.add(Rule::SqlUnion, 55);
            }
            Some((table, Kind::Word(Word::Object))) if self.is_whole_table(table) => {
                tally.add(Rule::SqlUnion, 55);
            }
            _ if self.is_behind_break(at) && self.next(at).is_none_or(|kind| kind != Kind::Comma) => {
                tally.add(Rule::SqlUnion, 15);
            }
            _ => {}
        }
        self.lone_union(at, tally);
    }

    /// Whether what stands right behind a `select` begins a list, and no sentence.
    fn begins_list(&self, select: usize) -> bool {
        let Some((first, kind)) = self.after(select + 1, |_| false) else {
            return false;
        };
        let is_round = self.tokens.get(first).is_some_and(Token::is_round);
        !is_round
            && matches!(
                kind,
                Kind::Number(_)
                    | Kind::Text { is_closed: true, .. }
                    | Kind::Variable(_)
                    | Kind::Name
                    | Kind::Bang
                    | Kind::Arithmetic(b'*' | b'@')
                    | Kind::Open
                    | Kind::Word(Word::Constant | Word::Who)
            )
    }

    /// MySQL's short form of a query: `table t`, and nothing but what a query may end in.
    fn is_whole_table(&self, table: usize) -> bool {
        let is_named = self.kind(table + 1).is_some_and(|name| {
            matches!(
                name,
                Kind::Name | Kind::Word(Word::Plain | Word::System | Word::Calls(_))
            )
        });
        let is_over = matches!(
            self.next(table + 1),
            None | Some(
                Kind::Comment { .. } | Kind::Block(_) | Kind::Word(Word::Sort | Word::Limit | Word::Into)
            )
        );
        let begins = matches!(self.tokens.first(), Some(first) if matches!(first.kind, Kind::Number(_)))
            || self.place != Place::Bare;
        is_named && is_over && begins
    }

    /// A `union` whose second half is still to come, with comments for spaces.
    fn lone_union(&self, at: usize, tally: &mut Tally) {
        let left = at.checked_sub(1).and_then(|left| self.kind(left));
        let is_parted = matches!(left, Some(Kind::Block(true) | Kind::Comment { .. }));
        let is_last = matches!(
            self.kind(at + 1),
            None | Some(Kind::Comment { .. } | Kind::Block(_))
        );
        if is_parted && is_last {
            tally.add(Rule::SqlUnion, 50);
        }
    }

    /// How much what follows a `select` is a list of SQL.
    fn weigh_select(&self, at: usize) -> u8 {
        let skipped = |kind| {
            matches!(
                kind,
                Kind::Open | Kind::Word(Word::Prefix) | Kind::Arithmetic(b'-' | b'+')
            )
        };
        let mut first = self.after(at + 1, skipped);
        // `select top 1 a`
        if self
            .tokens
            .get(at + 1)
            .is_some_and(|top| top.text.eq_ignore_ascii_case(b"top"))
            && let Some((count, Kind::Number(_))) = first
        {
            first = self.after(count + 1, |kind| kind == Kind::Close).or(first);
        }
        match first {
            None => 20,
            Some((place, kind)) => self.list(place, kind),
        }
    }

    pub(super) fn select(&self, at: usize, tally: &mut Tally) {
        let weight = self.weigh_select(at);
        tally.add(Rule::SqlSelect, weight);
        let near = self.tokens.get(at + 1..).unwrap_or_default();
        let is_dotted_name = |pair: &[Token<'_>]| matches!(pair, [dot, name] if dot.kind == Kind::Dot && name.kind == Kind::Name);
        if near.windows(2).take(6).any(is_dotted_name) {
            tally.add(Rule::SqlSelect, 50);
        }
        let is_joined = matches!(self.before(at), Some(Kind::Word(Word::Union | Word::Prefix)));
        if weight >= 20
            && (is_joined
                || matches!(self.before(at), Some(Kind::Open | Kind::Semicolon))
                || self.is_behind_break(at))
        {
            tally.add(Rule::SqlSelect, 25);
        }
    }

    /// How much the list behind `select` is one of SQL, given its first operand.
    fn list(&self, at: usize, kind: Kind) -> u8 {
        let next = self.next(at);
        let goes_on = next.is_none_or(|next| {
            matches!(
                next,
                Kind::Comma
                    | Kind::Close
                    | Kind::Semicolon
                    | Kind::Dot
                    | Kind::Logic
                    | Kind::Arithmetic(_)
                    | Kind::Compare
                    | Kind::Comment { .. }
                    | Kind::Block(false)
                    | Kind::Word(Word::From | Word::Union | Word::Into | Word::Limit | Word::Where)
            ) || matches!(next, Kind::Text { is_closed: false, .. })
        });
        let from = self.source_near(at);
        let text = self.tokens.get(at);
        match kind {
            // `the 'select' button`
            Kind::Text { is_closed: false, .. }
                if text.is_some_and(|text| text.is_spaced() || text.is_wordy()) =>
            {
                0
            }
            Kind::Arithmetic(b'*') if from > 0 => 50,
            Kind::Arithmetic(b'*') if goes_on => 30,
            Kind::Variable(_) => 45,
            Kind::Word(Word::Select) => 30,
            Kind::Word(Word::Constant) if goes_on => 45,
            Kind::Word(Word::Calls(_)) if self.is_called(at) => 40 + from,
            Kind::Word(
                Word::Calls(Calls::Ordinary | Calls::Identity) | Word::Plain | Word::System | Word::Object,
            )
            | Kind::Name => {
                let is_dotted = next == Some(Kind::Dot);
                match (goes_on, from) {
                    (true, 20..) => 50,
                    (true, 1..) => 40,
                    (true, _) if next.is_some() && !is_dotted => 22,
                    (true, _) => 15,
                    (false, _) if self.is_called(at) => 25 + from,
                    (false, 40..) => 40,
                    _ => 0,
                }
            }
            Kind::Number(_) | Kind::Text { .. } if goes_on => 35 + from,
            Kind::Text { .. } if matches!(next, Some(Kind::Word(Word::Logic | Word::Infix))) => 25,
            Kind::Word(Word::Who) => 50,
            Kind::Word(_) | Kind::Text { .. } | Kind::Number(_) | Kind::Other | Kind::Bang => 0,
            Kind::Comma | Kind::Dot | Kind::Semicolon => 0,
            _ => 20,
        }
    }

    /// How much of a `from` with a table follows soon: 20 for a table with nothing that proves it, 40 for more.
    fn source_near(&self, at: usize) -> u8 {
        let near = self.tokens.get(at..).unwrap_or_default().iter().take(REACH);
        let Some(from) = near
            .enumerate()
            .find(|(_, token)| token.kind == Kind::Word(Word::From))
            .map(|(by, _)| at + by)
        else {
            return 0;
        };
        self.table(from)
    }

    fn table(&self, from: usize) -> u8 {
        let Some((at, table)) = self.after(from + 1, |kind| kind == Kind::Open) else {
            return 10;
        };
        match table {
            Kind::Word(Word::System) | Kind::Name | Kind::Word(Word::Select) => return 40,
            Kind::Word(Word::Plain | Word::Calls(_) | Word::Object) => {}
            _ => return 0,
        }
        match self.next(at) {
            None | Some(Kind::Text { is_closed: false, .. }) => 15,
            Some(
                Kind::Word(Word::Where | Word::Limit | Word::Sort | Word::Union | Word::As)
                | Kind::Semicolon
                | Kind::Close
                | Kind::Block(false)
                | Kind::Comment {
                    letters: ..=SHORT, ..
                },
            ) => 40,
            Some(Kind::Dot) => 40,
            Some(Kind::Comma) => 15,
            _ => 0,
        }
    }

    pub(super) fn source(&self, at: usize, tally: &mut Tally) {
        if matches!(self.next(at), Some(Kind::Name | Kind::Word(Word::System))) {
            tally.add(Rule::SqlSelect, 35);
        }
        // `' * from`: the list of the query, taken over.
        if at == 2 && self.place != Place::Bare && self.before(at) == Some(Kind::Arithmetic(b'*')) {
            tally.add(Rule::SqlSelect, 50);
        }
        // "from `this` so that", at the start of a line
        let is_prose = at == 0 && matches!(self.next_but(at, 1), Some(Kind::Word(Word::Plain)));
        if !is_prose && self.is_statement_start(at) && self.table(at) >= 40 {
            tally.add(Rule::SqlSelect, 15);
        }
    }

    pub(super) fn system(&self, at: usize, tally: &mut Tally) {
        let is_member = self.next(at) == Some(Kind::Dot) || self.before(at) == Some(Kind::Dot);
        let is_source = matches!(self.before(at), Some(Kind::Word(Word::From) | Kind::Comma));
        tally.add(Rule::SqlSchema, if is_member || is_source { 35 } else { 15 });
    }

    /// `case 1 when 2 then 3`
    pub(super) fn when(&self, at: usize, tally: &mut Tally) {
        let left = self.tokens.get(at.saturating_sub(6)..at).unwrap_or_default();
        let right = self.tokens.get(at + 1..).unwrap_or_default().iter().take(8);
        // "Case 1: when it rains"
        let has_case = left.iter().any(|token| token.kind == Kind::Word(Word::Case))
            && !left.iter().any(|token| token.kind == Kind::Other);
        if has_case
            && right
                .into_iter()
                .any(|token| token.kind == Kind::Word(Word::Then))
        {
            tally.add(Rule::SqlSelect, 50);
        }
    }

    pub(super) fn clause(&self, at: usize, tally: &mut Tally) {
        let next = self.next(at);
        let is_literal = |kind| {
            matches!(
                kind,
                Some(Kind::Number(_) | Kind::Text { .. } | Kind::Open | Kind::Variable(_))
            )
        };
        match self.kind(at) {
            Some(Kind::Word(Word::Having)) if is_literal(next) => {
                let after = self.next_but(at, 1);
                let is_condition = matches!(
                    after,
                    Some(
                        Kind::Compare
                            | Kind::Close
                            | Kind::Comment { .. }
                            | Kind::Number(_)
                            | Kind::Text { .. }
                            | Kind::Word(Word::Constant)
                    )
                );
                tally.add(Rule::SqlClause, if is_condition { 50 } else { 40 });
            }
            Some(Kind::Word(Word::Having)) if matches!(next, Some(Kind::Word(Word::Calls(_)))) => {
                tally.add(Rule::SqlClause, 50);
            }
            Some(Kind::Word(Word::Procedure))
                if matches!(next, Some(Kind::Word(Word::Calls(Calls::Error)))) =>
            {
                tally.add(Rule::SqlError, 50);
            }
            Some(Kind::Word(Word::Into)) if next == Some(Kind::Word(Word::File)) => {
                tally.add(Rule::SqlReach, 60);
            }
            Some(Kind::Word(Word::Sort)) if next == Some(Kind::Word(Word::By)) => self.sort(at, tally),
            Some(Kind::Word(Word::Limit))
                if is_literal(next) && self.next_but(at, 1) == Some(Kind::Comma) =>
            {
                tally.add(Rule::SqlClause, 30);
            }
            _ => {}
        }
    }

    /// `order by 3--`, `group by x having`
    fn sort(&self, at: usize, tally: &mut Tally) {
        let Some((place, first)) = self.after(at + 2, |_| false) else {
            return;
        };
        if matches!(first, Kind::Word(Word::Calls(_) | Word::Case))
            && (self.is_called(place) || first == Kind::Word(Word::Case))
        {
            tally.add(Rule::SqlClause, 35);
        }
        let is_number = matches!(first, Kind::Number(_));
        let ends = matches!(
            self.next(place),
            None | Some(
                Kind::Comma
                    | Kind::Comment { .. }
                    | Kind::Word(Word::Having | Word::Part)
                    | Kind::Block(false)
            )
        );
        if is_number && ends {
            tally.add(
                Rule::SqlClause,
                if self.is_behind_break(at) || at < 3 {
                    50
                } else {
                    30
                },
            );
        } else if self.next(place) == Some(Kind::Word(Word::Having)) || self.is_behind_break(at) {
            tally.add(Rule::SqlClause, 40);
        }
    }
}
