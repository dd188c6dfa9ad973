//! A run of operands and operators: what is known of it, and what it weighs when it ends.

use crate::rule::Rule;

/// How a run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Began {
    /// With the text.
    #[default]
    Text,
    /// Right behind the quote that ends the query's own text.
    Break,
    /// Behind a word that begins a condition or a list.
    Clause,
    /// In the middle of something else.
    Middle,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With the text.
    Text,
    /// With the text, inside of quotes that the query closes.
    Balanced,
    /// With a comment; the flag says whether it looks like nothing but a comment sign.
    Comment(bool),
    /// With a semicolon that is the last thing in the text.
    Statement,
    /// With a semicolon or a word that begins another part of a query.
    Clause,
    /// With a quote that opens a text where none can be: what follows is not the attack's.
    Quote,
    /// Where operand met operand, or something no query has.
    Broken,
}

/// What is known of the run so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub(super) began: Began,
    pub(super) is_continuing: bool,
    /// It began behind a bracket, and no quote was ended.
    pub(super) is_unquoted: bool,
    /// It begins with an operator, and no quote was ended.
    pub(super) is_bare_continuation: bool,
    pub(super) operands: usize,
    pub(super) plain: usize,
    pub(super) literals: usize,
    /// Calls, variables and queries.
    pub(super) named: usize,
    pub(super) constants: usize,
    pub(super) texts: usize,
    pub(super) brackets: usize,
    pub(super) logic: usize,
    pub(super) compares: usize,
    pub(super) arithmetic: usize,
    pub(super) constant_compares: usize,
    /// It ends in a text that the query closes.
    pub(super) is_in_open_text: bool,
    /// It ends in a text that does not end, and begins with white space.
    pub(super) is_spaced: bool,
    /// That text has several words.
    pub(super) is_wordy: bool,
    pub(super) is_open: bool,
    /// It ends in a text that has just begun, right behind a text.
    pub(super) is_empty: bool,
    pub(super) begins_with_literal: bool,
    /// Its second operand is its first, and a literal.
    pub(super) is_doubled: bool,
    /// A number of several digits is compared with itself.
    pub(super) is_number_repeated: bool,
    /// It connects a number that people do not write so: `not 0`, `~0`, `0x31`.
    pub(super) is_computed: bool,
    /// Since the last comparison or connection: whether all operands were literals, and there was one.
    pub(super) is_side_literal: Option<bool>,
    /// The same for the left side of the last comparison.
    pub(super) is_left_literal: Option<bool>,
}

impl Run {
    pub(super) fn after_break() -> Self {
        Self {
            began: Began::Break,
            ..Self::default()
        }
    }

    pub(super) fn began(began: Began) -> Self {
        Self {
            began,
            ..Self::default()
        }
    }

    pub(super) fn operand(&mut self, is_literal: bool) {
        if self.operands == 0 {
            self.begins_with_literal = is_literal;
        }
        self.operands += 1;
        self.literals += usize::from(is_literal);
        self.is_side_literal = Some(self.is_side_literal.unwrap_or(true) && is_literal);
    }

    /// Closes a comparison, if one is open and its right side is there.
    pub(super) fn close_side(&mut self) {
        if self.is_left_literal == Some(true) && self.is_side_literal == Some(true) {
            self.constant_compares += 1;
        }
        self.is_left_literal = None;
        self.is_side_literal = None;
    }

    pub(super) fn compare(&mut self) {
        let left = self.is_side_literal;
        self.close_side();
        // What stands left of a break is a text of the query.
        self.is_left_literal = left.or(Some(self.began == Began::Break && self.operands == 0));
        self.compares += 1;
    }
}

/// A run that goes on behind the end of the query's own text.
pub(super) fn weigh_break_out(run: &Run, end: End, is_whole: bool) -> u8 {
    match (end, is_whole) {
        // `the "+" sign` and `the '/home' folder` are of this form, too, but go on with a space.
        (End::Balanced, true) if run.logic + run.compares == 0 && run.is_spaced => 30,
        (End::Balanced, true) if run.logic == 0 && run.compares > 1 && run.is_spaced => 30,
        // `.. used" and "do not ..`, in the middle of a longer text
        (End::Balanced, true) if run.operands == 1 && run.is_wordy => 30,
        (End::Balanced | End::Comment(true), true) => 60,
        // `) -> bool;` and `) || usage();` end brackets of a program.
        (End::Statement, true) if run.logic + run.compares > 0 => {
            if run.is_unquoted && run.literals == 0 {
                30
            } else {
                50
            }
        }
        (End::Text, true) if run.logic > 0 && (run.compares > 0 || run.named > 0 || run.plain == 0) => 50,
        (End::Text, true) if run.logic > 0 || run.compares > 0 && run.plain == 0 => 30,
        (End::Comment(false), true) if run.logic + run.compares > 0 => 35,
        (End::Comment(true), false) if run.logic + run.compares > 0 => 50,
        (End::Clause, true) => 30,
        (End::Quote, true) if run.logic > 0 && run.is_empty && run.texts > 0 => 50,
        (End::Broken | End::Quote, _) if run.logic > 0 && run.compares > 0 => {
            30 + if run.literals > 0 { 20 } else { 0 }
        }
        (End::Text, false) if run.logic > 0 => 30 + if run.literals > 0 { 20 } else { 0 },
        _ => 15,
    }
}

/// A run that begins with the text, where the value stands in no quotes.
pub(super) fn weigh_bare(run: &Run, end: End, is_whole: bool) -> (Rule, u8) {
    let joins = run.logic + run.compares;
    let is_bare_word = run.plain == run.operands;
    match (end, is_whole) {
        (End::Comment(true), true) if run.is_bare_continuation && run.compares > 0 => (Rule::SqlComment, 60),
        (End::Comment(true), true) if !is_bare_word && joins + run.named + run.brackets > 0 => {
            (Rule::SqlComment, 60)
        }
        (End::Comment(true), _) if joins > 0 => (Rule::SqlComment, 20),
        (End::Text | End::Balanced | End::Comment(_), true)
            if run.begins_with_literal && !run.is_bare_continuation && run.logic > 0 && run.compares > 0 =>
        {
            (Rule::SqlTautology, 50)
        }
        (End::Text, true) if run.begins_with_literal && run.logic > 0 && run.constants > 0 => {
            (Rule::SqlTautology, 50)
        }
        (End::Text, true) if run.begins_with_literal && run.logic + run.arithmetic > 0 && run.named > 0 => {
            (Rule::SqlTautology, 35)
        }
        // `1=1`, `1 or 1`, and nothing else
        (End::Text, true)
            if run.begins_with_literal
                && run.is_doubled
                && run.operands == 2
                && joins == 1
                && !run.is_open =>
        {
            (Rule::SqlTautology, 50)
        }
        // `1 or not 0`
        (End::Text, true) if run.begins_with_literal && run.is_computed => (Rule::SqlTautology, 50),
        // `1 or 2 group by 1`
        (End::Clause, true) if run.begins_with_literal && run.logic > 0 && run.literals == run.operands => {
            (Rule::SqlTautology, 25)
        }
        // `null+null+null`
        (_, _) if run.constants > 1 && run.arithmetic > 1 && run.named > 0 => (Rule::SqlTautology, 50),
        // `'30'='30`: the rest of a condition whose quotes the query closes.
        (End::Text, true) if run.is_open && run.compares > 0 && run.literals == run.operands => {
            (Rule::SqlTautology, 50)
        }
        _ => (Rule::SqlTautology, 0),
    }
}
