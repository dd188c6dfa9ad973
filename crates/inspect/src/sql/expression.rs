//! Expressions: does a text continue the condition of a query, and is the result whole?
//!
//! The reader walks over the tokens and expects an operand and an operator in turn. A stretch in which they
//! alternate is a run. Prose makes short runs that break where two words meet; an attack makes one that goes on
//! until the query is whole again, which is when its text ends inside of quotes that the query closes, or in a
//! comment that hides what the query would add.

mod operand;
mod run;

use super::Place;
use super::lexer::{Kind, SHORT, TRACE, Token};
use super::quotation::Quotation;
use super::words::{Calls, Word};
use crate::rule::Rule;
use crate::tally::Tally;

use operand::Operand;
use run::{Began, End, Run, weigh_bare, weigh_break_out};

/// Judges the runs of a text.
pub(super) fn judge(
    tokens: &[Token<'_>],
    place: Place,
    quotation: Quotation,
    tally: &mut Tally,
    work: &mut u64,
) {
    let mut reader = Reader {
        right: None,
        left: None,
        first: None,
        is_opening: false,
        is_enclosed: quotation == Quotation::Enclosed,
        place,
        run: Run::default(),
        previous: Previous::Start,
        depth: 0,
        call: None,
        is_first: true,
        is_past_statement: false,
        is_denying: false,
        is_owner: false,
    };
    let mut tokens = tokens.iter().peekable();
    if let Place::Within(_) = place {
        match tokens.next() {
            Some(token) if matches!(token.kind, Kind::Text { is_closed: true, .. }) => {
                reader.run = Run::after_break();
                reader.is_opening = token.is_where_quotes_open();
            }
            _ => return,
        }
    }
    while let Some(token) = tokens.next() {
        *work += 1;
        reader.is_owner = tokens.peek().is_some_and(|next| next.kind == Kind::Dot);
        reader.read(token, tally);
        if tally.is_decided() {
            return;
        }
    }
    let end = match (reader.run.is_in_open_text, reader.is_past_statement) {
        (true, _) => End::Balanced,
        (_, true) => End::Statement,
        _ => End::Text,
    };
    reader.finish(end, tally);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Previous {
    Start,
    Operand,
    /// An operand that can be called.
    Name,
    /// The same, if only a database has it.
    Function,
    /// `is`.
    Is,
    /// `sounds`, `similar`.
    HalfInfix,
    Operator,
    Open,
    Dot,
}

struct Reader<'a> {
    /// The quote that ends the query's text stands where people open one: behind a space or a bracket.
    is_opening: bool,
    /// It opens a quotation, in what is a program by all signs.
    is_enclosed: bool,
    /// The last operand, if it is no more than a name.
    right: Option<Operand<'a>>,
    /// The operand left of the comparison that was just read, if it is no more than a name.
    left: Option<Operand<'a>>,
    /// The first operand of the run.
    first: Option<&'a [u8]>,
    place: Place,
    run: Run,
    previous: Previous,
    depth: i32,
    /// How deep the brackets of the outermost call are.
    call: Option<i32>,
    /// Nothing but brackets stood behind the break yet.
    is_first: bool,
    /// A semicolon was the last thing seen.
    is_past_statement: bool,
    /// `not` or a sign was the last operator.
    is_denying: bool,
    /// A dot follows: what is read is not all of the operand.
    is_owner: bool,
}

impl<'a> Reader<'a> {
    fn wants_operator(&self) -> bool {
        let is_behind_host = self.previous == Previous::Start && self.run.began == Began::Break;
        matches!(
            self.previous,
            Previous::Operand | Previous::Name | Previous::Function
        ) || is_behind_host
    }

    fn read(&mut self, token: &Token<'a>, tally: &mut Tally) {
        let was_first = self.is_first && self.run.began == Began::Break;
        if !matches!(
            token.kind,
            Kind::Close | Kind::Version | Kind::Block(true) | Kind::Semicolon
        ) {
            self.is_first = false;
        }
        if std::mem::take(&mut self.is_past_statement)
            && !matches!(token.kind, Kind::Comment { .. } | Kind::Block(_))
        {
            self.restart(End::Clause, Began::Middle, tally);
        }
        match token.kind {
            Kind::Number(_) => {
                let is_computed = self.is_denying || token.is_in_code();
                self.operand(token, true, false, tally);
                self.run.is_computed |= is_computed && self.run.logic > 0;
            }
            Kind::Text { quote, is_closed } => {
                self.operand(token, true, false, tally);
                // `1 or 'a'`
                let is_behind_number = self
                    .first
                    .is_some_and(|first| first.iter().all(u8::is_ascii_digit));
                self.run.is_computed |=
                    is_closed && is_behind_number && self.run.logic > 0 && token.is_one_word();
                self.run.texts += 1;
                self.run.is_open = !is_closed;
                self.run.is_in_open_text = !is_closed && self.closes(quote);
                self.run.is_spaced = token.is_spaced();
                self.run.is_wordy = !is_closed && token.is_wordy();
            }
            Kind::Variable(_) => {
                self.operand(token, false, false, tally);
                self.run.named += 1;
            }
            Kind::Name => self.operand(token, false, true, tally),
            Kind::Word(word) => self.word(word, token, tally),
            Kind::Compare => self.operator(token, tally),
            Kind::Arithmetic(_) | Kind::Logic | Kind::Bang => self.operator(token, tally),
            Kind::Open => self.open(token, tally),
            Kind::Close => self.close(tally),
            Kind::Comma => self.comma(tally),
            Kind::Dot => {
                if self.previous == Previous::Name && token.glued {
                    self.previous = Previous::Dot;
                } else {
                    self.restart(End::Broken, Began::Middle, tally);
                }
            }
            Kind::Semicolon => {
                self.is_past_statement = !(was_first && self.is_first);
            }
            // A comment that is not the last thing is a space.
            Kind::Comment { is_last: false, .. } if !was_first => {}
            Kind::Comment { letters, is_last } => {
                let is_cut = is_last
                    && !self.is_remark(token, letters)
                    && (letters <= TRACE || letters <= SHORT && self.run.compares + self.run.named > 0);
                self.cut(was_first, is_last && letters <= SHORT, is_cut, tally);
            }
            Kind::Block(false) => self.cut(was_first, true, true, tally),
            Kind::Block(true) | Kind::Version => {}
            Kind::Other => self.restart(End::Broken, Began::Middle, tally),
        }
    }

    /// A comment, which hides what the query would add: at once, or behind the run that it ends.
    fn cut(&mut self, was_first: bool, is_short: bool, is_cut: bool, tally: &mut Tally) {
        if was_first {
            let weight = if is_short && !self.is_enclosed { 60 } else { 25 };
            tally.add(Rule::SqlComment, weight);
        }
        self.restart(End::Comment(is_cut), Began::Middle, tally);
    }

    /// Whether a comment is one that a person wrote behind an assignment: `TAB = 0x09  # ^I`.
    fn is_remark(&self, token: &Token<'_>, letters: u8) -> bool {
        let is_assignment = !self.run.begins_with_literal && self.run.logic == 0 && self.run.compares == 1;
        self.run.began == Began::Text
            && is_assignment
            && letters > 0
            && !token.glued
            && token.text.starts_with(b"#")
    }

    /// Whether an unfinished text is one that the query would finish.
    fn closes(&self, quote: u8) -> bool {
        match self.place {
            Place::Within(host) => host == quote,
            Place::Bare => false,
        }
    }

    fn word(&mut self, word: Word, token: &Token<'a>, tally: &mut Tally) {
        match word {
            // `similar to`
            Word::Plain if self.previous == Previous::HalfInfix => self.previous = Previous::Operator,
            Word::Plain | Word::System | Word::Object => {
                self.operand(token, false, true, tally);
                self.run.plain += 1;
            }
            Word::Constant => {
                self.operand(token, true, true, tally);
                self.run.constants += 1;
                self.run.begins_with_literal &= self.run.operands > 1;
            }
            Word::Who => {
                self.operand(token, false, true, tally);
                self.run.named += 1;
            }
            Word::Calls(calls) => {
                self.operand(token, false, true, tally);
                self.run.plain += usize::from(calls == Calls::Ordinary);
                self.previous = Previous::Function;
            }
            Word::Prefix => {
                if self.wants_operator() {
                    // `is not null`, `not like`: part of the operator that follows.
                } else if self.previous == Previous::Is {
                    // `is not`, `is distinct from`
                } else if self.previous == Previous::Dot {
                    self.restart(End::Broken, Began::Middle, tally);
                } else {
                    self.is_denying = token.text.eq_ignore_ascii_case(b"not");
                    self.previous = Previous::Operator;
                }
            }
            Word::Infix if self.previous == Previous::HalfInfix => self.previous = Previous::Operator,
            Word::Is | Word::HalfInfix if self.wants_operator() => {
                self.operator(token, tally);
                self.previous = if word == Word::Is {
                    Previous::Is
                } else {
                    Previous::HalfInfix
                };
            }
            Word::Logic | Word::Infix | Word::Is | Word::HalfInfix | Word::Arithmetic => {
                self.operator(token, tally);
            }
            Word::Select if !self.wants_operator() => {
                self.run.named += 1;
                self.previous = Previous::Operator;
            }
            Word::Case => self.restart(End::Clause, Began::Clause, tally),
            Word::Where | Word::Having | Word::When => self.restart(End::Clause, Began::Clause, tally),
            // `cast(x as int)`
            Word::As if self.depth > 0 && self.wants_operator() => self.previous = Previous::Operator,
            _ => self.restart(End::Clause, Began::Middle, tally),
        }
    }

    fn operand(&mut self, token: &Token<'a>, is_literal: bool, is_name: bool, tally: &mut Tally) {
        if self.previous == Previous::Is && !is_literal {
            // Much is something; in SQL only a truth value can be.
            self.restart(End::Broken, Began::Middle, tally);
        } else if self.previous == Previous::Dot {
            if token.glued {
                self.member(token);
                return;
            }
            self.restart(End::Broken, Began::Middle, tally);
        } else if self.wants_operator() {
            let is_open = matches!(token.kind, Kind::Text { is_closed: false, .. });
            self.run.is_empty = is_open && token.is_empty() && self.previous == Previous::Operand;
            self.restart(
                if is_open { End::Quote } else { End::Broken },
                Began::Middle,
                tally,
            );
        }
        let operand = Operand {
            owner: &[],
            name: token.text,
        };
        let is_repeated = self.is_repeated(&operand);
        if is_literal
            && self.run.operands == 1
            && self
                .first
                .is_some_and(|first| first.eq_ignore_ascii_case(token.text))
        {
            self.run.is_doubled = true;
        }
        if self.run.operands == 0 {
            self.first = Some(token.text);
        }
        self.run.operand(is_literal || is_repeated);
        if is_repeated {
            // `x=x`, whatever x is.
            self.run.is_left_literal = Some(true);
            self.run.is_number_repeated |= token.text.len() > 1 && matches!(token.kind, Kind::Number(_));
        }
        self.is_denying = false;
        self.right = Some(operand);
        self.previous = if is_name {
            Previous::Name
        } else {
            Previous::Operand
        };
    }

    /// What stands behind a dot, a part of the operand before it.
    fn member(&mut self, token: &Token<'a>) {
        let owner = self.right.map(|owner| owner.name).unwrap_or_default();
        let operand = Operand {
            owner,
            name: token.text,
        };
        if self.is_repeated(&operand) {
            self.run.is_left_literal = Some(true);
            self.run.is_side_literal = Some(true);
        }
        self.right = Some(operand);
        self.previous = Previous::Name;
    }

    /// Whether an operand that is all there is the one on the other side of its comparison.
    fn is_repeated(&mut self, operand: &Operand<'a>) -> bool {
        // `a = a or b` is what programs write; behind a condition it is always true.
        let is_assignment = self.run.began == Began::Text
            && self.run.logic == 0
            && operand.name.first().is_some_and(u8::is_ascii_alphabetic);
        !self.is_owner && self.left.take().is_some_and(|left| left.is(operand)) && !is_assignment
    }

    fn operator(&mut self, token: &Token<'a>, tally: &mut Tally) {
        let is_sign = matches!(token.kind, Kind::Arithmetic(b'-' | b'+') | Kind::Bang);
        if !self.wants_operator() {
            let is_all = token.kind == Kind::Arithmetic(b'*')
                && (self.previous == Previous::Open || self.run.named > 0);
            if is_all {
                self.run.operand(false);
                self.previous = Previous::Operand;
            } else if self.previous == Previous::Start && !is_sign {
                // A text that begins with an operator continues a number or a condition.
                self.run.is_bare_continuation = true;
                self.count(token);
                self.previous = Previous::Operator;
            } else if !is_sign {
                self.restart(End::Broken, Began::Middle, tally);
            } else {
                self.is_denying = true;
            }
            return;
        }
        if self.previous == Previous::Start {
            self.run.is_continuing = true;
        }
        self.count(token);
        self.previous = Previous::Operator;
    }

    fn count(&mut self, token: &Token<'a>) {
        self.left = self.right.take().filter(|_| token.kind == Kind::Compare);
        match token.kind {
            Kind::Compare | Kind::Word(Word::Infix | Word::Is | Word::HalfInfix) => self.run.compare(),
            Kind::Bang if token.text == b"~" => self.run.compare(),
            Kind::Logic | Kind::Word(Word::Logic) => {
                self.run.close_side();
                self.run.logic += 1;
            }
            _ => self.run.arithmetic += 1,
        }
    }

    fn open(&mut self, token: &Token<'a>, tally: &mut Tally) {
        match self.previous {
            Previous::Name | Previous::Function => {
                // A function, or a list behind a word; which one it calls is weighed as a statement.
                self.run.named += usize::from(token.glued || self.previous == Previous::Function);
                self.run.is_side_literal = Some(false);
            }
            Previous::Operand | Previous::Dot => self.restart(End::Broken, Began::Middle, tally),
            Previous::Start if self.run.began == Began::Break => {
                self.restart(End::Broken, Began::Middle, tally);
            }
            _ => self.run.brackets += 1,
        }
        self.depth += 1;
        if matches!(self.previous, Previous::Name | Previous::Function) && self.call.is_none() {
            self.call = Some(self.depth);
        }
        self.previous = Previous::Open;
    }

    fn close(&mut self, tally: &mut Tally) {
        if self.call == Some(self.depth) {
            // What was called is the operand, not what it was given.
            self.call = None;
            self.right = None;
        }
        self.depth -= 1;
        match self.previous {
            Previous::Open | Previous::Operand | Previous::Name | Previous::Function => {
                self.previous = Previous::Operand;
            }
            // `') or`, or `) or` where no quotes are: brackets of the query.
            Previous::Start if self.run.began == Began::Break => {}
            Previous::Start if self.run.began == Began::Text => {
                self.run.began = Began::Break;
                self.run.is_unquoted = true;
            }
            _ => self.restart(End::Broken, Began::Middle, tally),
        }
    }

    fn comma(&mut self, tally: &mut Tally) {
        if self.previous == Previous::Start && self.run.began == Began::Break {
            self.run.is_continuing = true;
        } else if self.depth <= 0 && !self.run.is_continuing {
            return self.restart(End::Clause, Began::Middle, tally);
        }
        self.run.close_side();
        self.previous = Previous::Operator;
    }

    fn restart(&mut self, end: End, began: Began, tally: &mut Tally) {
        self.finish(end, tally);
        self.left = None;
        self.run = Run::began(began);
        self.previous = if began == Began::Clause {
            Previous::Operator
        } else {
            Previous::Start
        };
    }

    /// Weighs the run that ends here.
    fn finish(&mut self, end: End, tally: &mut Tally) {
        self.run.close_side();
        let is_whole = matches!(
            self.previous,
            Previous::Operand | Previous::Name | Previous::Function
        );
        let run = self.run;
        let is_code = self.place == Place::Within(b'`') && !run.is_continuing;
        if run.is_number_repeated {
            // `4711=4711` is nothing that anybody asks.
            tally.add(Rule::SqlTautology, 50);
        }
        if run.constant_compares > 0 && !is_code && (run.logic > 0 || run.began == Began::Clause) {
            let is_clean = end != End::Broken || run.is_continuing || run.began == Began::Clause;
            tally.add(Rule::SqlTautology, if is_clean { 60 } else { 25 });
        }
        if run.is_continuing {
            let weight = weigh_break_out(&run, end, is_whole);
            // `the "+" sign`, `simd = "*"`
            let is_quoting = run.logic == 0 && (self.is_enclosed || self.is_opening && run.operands == 1);
            let is_code = self.place == Place::Within(b'`') && run.logic == 0;
            tally.add(
                Rule::SqlBreakOut,
                if is_quoting || is_code {
                    weight.min(30)
                } else {
                    weight
                },
            );
        } else if run.began == Began::Text {
            let (rule, weight) = weigh_bare(&run, end, is_whole);
            tally.add(rule, weight);
        } else if end == End::Balanced && is_whole && run.logic > 0 && !run.is_wordy && !run.is_spaced {
            // `.. or '1`: the query's own quote is opened again at the end.
            tally.add(Rule::SqlBreakOut, 40);
        }
    }
}
