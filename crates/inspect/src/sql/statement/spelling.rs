//! How values are spelled where nobody but a database reads them: casts, codes of characters, conditions as calls.

use super::super::lexer::Kind;
use super::super::words::Word;
use super::{REACH, Reader};
use crate::rule::Rule;
use crate::tally::Tally;

/// Types of databases. Many are words of everybody's, and count only behind `as`, `::` or in `convert(..)`.
const TYPES: &[&[u8]] = &[
    b"bigint",
    b"binary",
    b"bit",
    b"bool",
    b"boolean",
    b"box",
    b"bytea",
    b"char",
    b"date",
    b"datetime",
    b"decimal",
    b"double",
    b"float",
    b"inet",
    b"int",
    b"integer",
    b"json",
    b"jsonb",
    b"money",
    b"name",
    b"nchar",
    b"number",
    b"numeric",
    b"nvarchar",
    b"oid",
    b"point",
    b"real",
    b"regclass",
    b"regproc",
    b"regtype",
    b"signed",
    b"sql_variant",
    b"text",
    b"time",
    b"timestamp",
    b"timestamptz",
    b"uniqueidentifier",
    b"unsigned",
    b"uuid",
    b"varbinary",
    b"varchar",
    b"varchar2",
    b"xml",
];

impl Reader<'_> {
    fn is_type(&self, at: usize) -> bool {
        let text = self.tokens.get(at).map(|token| token.text).unwrap_or_default();
        let text = text.strip_prefix(b"_").unwrap_or(text);
        TYPES.iter().any(|known| text.eq_ignore_ascii_case(known))
    }

    /// Calls that say by their arguments that they are a database's.
    pub(super) fn spelled(&self, at: usize, tally: &mut Tally) {
        let name = self.tokens.get(at).map(|token| token.text).unwrap_or_default();
        let is = |names: &[&[u8]]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        if is(&[b"cast", b"try_cast", b"convert", b"try_convert"]) {
            let is_first = self.is_type(at + 2) && self.kind(at + 3) == Some(Kind::Comma);
            let is_last = (at + 3..at + REACH).any(|place| {
                matches!(self.kind(place), Some(Kind::Word(Word::As))) && self.is_type(place + 1)
            });
            if is_first || is_last {
                tally.add(Rule::SqlFunction, 32);
            }
        } else if is(&[b"char", b"chr", b"nchar"]) {
            let codes = (at + 2..at + REACH)
                .step_by(2)
                .take_while(|place| {
                    matches!(self.kind(*place), Some(Kind::Number(_)))
                        && matches!(self.kind(place + 1), Some(Kind::Comma | Kind::Close))
                })
                .count();
            tally.add(
                Rule::SqlFunction,
                if codes > 1 { 32 } else { u8::from(codes > 0) * 10 },
            );
        } else if is(&[b"if", b"iif"]) {
            let open = (at + 1..at + 6)
                .take_while(|place| self.kind(*place) == Some(Kind::Open))
                .count();
            self.constant_condition(at + 1 + open, tally);
        }
    }

    /// `1=2` with one sign; programs compare with two.
    fn constant_condition(&self, at: usize, tally: &mut Tally) {
        let is_number = |at| matches!(self.kind(at), Some(Kind::Number(_)));
        let compare = self.tokens.get(at + 1);
        if is_number(at) && is_number(at + 2) && compare.is_some_and(|sign| sign.text == b"=") {
            tally.add(Rule::SqlTautology, 50);
        }
    }

    /// `'1'::int`
    pub(super) fn cast(&self, at: usize, tally: &mut Tally) {
        let before = at.checked_sub(1).and_then(|left| self.kind(left));
        let is_value = matches!(
            before,
            Some(Kind::Text { is_closed: true, .. } | Kind::Number(_) | Kind::Close)
        );
        if is_value && self.tokens.get(at).is_some_and(|token| token.text == b"::") && self.is_type(at + 1) {
            tally.add(Rule::SqlFunction, 50);
        }
    }

    /// `@a:=1`
    pub(super) fn assigned(&self, at: usize, tally: &mut Tally) {
        let next = self.tokens.get(at + 1);
        if next.is_some_and(|token| token.text == b":=") {
            tally.add(Rule::SqlSchema, 50);
        }
    }
}
