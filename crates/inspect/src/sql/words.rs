//! The words of SQL, by what they do in a sentence of it.

mod table;

use crate::text::{from, starts_with};

use table::WORDS;

/// What a word is to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Any name.
    Plain,
    /// `and`, `or`, `xor`.
    Logic,
    /// Stands before an operand: `not`, `binary`, `distinct`.
    Prefix,
    /// Stands between two operands, and compares: `like`, `in`, `between`.
    Infix,
    /// `is`, behind which only few words may stand.
    Is,
    /// `sounds`, `similar`: one more word, and it is an infix.
    HalfInfix,
    /// Stands between two operands, and computes: `div`, `mod`.
    Arithmetic,
    /// A value of its own: `null`, `true`, `current_date`.
    Constant,
    /// `current_user` and its like: nobody else speaks of them.
    Who,
    /// `select`.
    Select,
    /// `union`, `intersect`, `except`.
    Union,
    /// `from`.
    From,
    /// `where`.
    Where,
    /// `having`.
    Having,
    /// `group`, `order`.
    Sort,
    /// `by`.
    By,
    /// `limit`, `offset`.
    Limit,
    /// `into`.
    Into,
    /// `outfile`, `dumpfile`.
    File,
    /// `procedure`.
    Procedure,
    /// Parts of `case` and `between`, joins, and other words that part one expression from another.
    Part,
    /// `as`.
    As,
    /// `waitfor`.
    Waitfor,
    /// Begins a statement whose second word is one of its own: `drop`, `insert`.
    Verb,
    /// Begins a statement that is soon over: `exec`, `shutdown`.
    Command,
    /// `case`.
    Case,
    /// `when`, behind which a condition begins.
    When,
    /// `then`.
    Then,
    /// `against`, the second half of `match`.
    Against,
    /// What a statement creates, alters or drops.
    Object,
    /// A function that attacks call, by what they call it for.
    Calls(Calls),
    /// A table or schema in which a database describes itself.
    System,
}

/// What an attack calls a function for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calls {
    /// To make the database wait.
    Time,
    /// The same, by a name that many programs have.
    Sleep,
    /// To make it fail with a message.
    Error,
    /// To reach files, the network or the machine.
    Reach,
    /// To learn what it runs on and for whom; seldom anything else has these names.
    Identity,
    /// To gather many rows in one text.
    Gathering,
    /// To take answers apart, or to spell a text without quotes.
    Spelling,
    /// To compute; programs of all kinds have these.
    Ordinary,
}

/// The longest word that is known.
const LONGEST: usize = 24;

/// What a word is, whatever the case of its letters.
pub(super) fn word(text: &[u8]) -> Word {
    if text.len() > LONGEST {
        return prefixed(text);
    }
    // Most words of any text are none of these, which their first letter and their length tell.
    let Some(initial) = text.first().and_then(|first| initial(*first)) else {
        return Word::Plain;
    };
    let shape = SHAPES.get(initial).copied().unwrap_or_default();
    let is_known = shape.lengths >> text.len() & 1 == 1;
    if !is_known && !shape.is_of_family && within_itself(text).is_none() {
        return Word::Plain;
    }
    let mut lower = [0; LONGEST];
    for (to, from) in lower.iter_mut().zip(text) {
        *to = from.to_ascii_lowercase();
    }
    let lower = lower.get(..text.len()).unwrap_or_default();
    let words = WORDS.get(shape.from..shape.to).unwrap_or_default();
    match words.binary_search_by(|(known, _)| known.as_bytes().cmp(lower)) {
        Ok(at) => words.get(at).map_or(Word::Plain, |(_, word)| *word),
        Err(_) => within_itself(text).unwrap_or_else(|| prefixed(lower)),
    }
}

/// The place of a letter in the alphabet.
const fn initial(byte: u8) -> Option<usize> {
    match byte.to_ascii_lowercase() {
        lower @ b'a'..=b'z' => Some((lower - b'a') as usize),
        _ => None,
    }
}

/// What is known of all words that begin with one letter.
#[derive(Clone, Copy, Default)]
struct Shape {
    /// Where they stand in [`WORDS`].
    from: usize,
    to: usize,
    /// A bit for each length that one of them has.
    lengths: u32,
    /// Whether a family of [`prefixed`] names begins with this letter.
    is_of_family: bool,
}

const SHAPES: [Shape; 26] = shapes();

#[expect(
    clippy::indexing_slicing,
    reason = "within the bounds of the loops; runs in the compiler"
)]
const fn shapes() -> [Shape; 26] {
    let mut shapes = [Shape {
        from: 0,
        to: 0,
        lengths: 0,
        is_of_family: false,
    }; 26];
    let mut at = 0;
    while at < WORDS.len() {
        let word = WORDS[at].0.as_bytes();
        if let Some(letter) = initial(word[0]) {
            if shapes[letter].to == 0 {
                shapes[letter].from = at;
            }
            shapes[letter].to = at + 1;
            shapes[letter].lengths |= 1 << word.len();
        }
        at += 1;
    }
    let mut family = 0;
    while family < REACHING.len() {
        if let Some(letter) = initial(REACHING[family][0]) {
            shapes[letter].is_of_family = true;
        }
        family += 1;
    }
    let mut family = 0;
    while family < DESCRIBING.len() {
        if let Some(letter) = initial(DESCRIBING[family][0]) {
            shapes[letter].is_of_family = true;
        }
        family += 1;
    }
    shapes
}

/// Words that filters take out of a text.
const FILTERED: &[(&[u8], Word)] = &[
    (b"union", Word::Union),
    (b"select", Word::Select),
    (b"and", Word::Logic),
    (b"or", Word::Logic),
];

/// `selselectect`, which is `select` once a filter has taken `select` out of it.
pub(super) fn within_itself(text: &[u8]) -> Option<Word> {
    let (known, word) = FILTERED.iter().find(|(known, _)| {
        text.len() == 2 * known.len() && text.first().map(u8::to_ascii_lowercase) == known.first().copied()
    })?;
    let is_double = (1..known.len()).any(|at| {
        let (head, tail) = known.split_at(at);
        let inner = text.get(at..at + known.len()).unwrap_or_default();
        starts_with(text, head)
            && inner.eq_ignore_ascii_case(known)
            && starts_with(from(text, at + known.len()), tail)
    });
    is_double.then_some(*word)
}

/// Families of functions that reach out.
const REACHING: &[&[u8]] = &[
    b"xp_",
    b"sp_oa",
    b"sp_password",
    b"sp_addsrvrole",
    b"sp_executesql",
    b"utl_",
    b"dbms_",
    b"lo_",
];

/// Families of tables in which databases describe themselves.
const DESCRIBING: &[&[u8]] = &[b"syscat", b"sysibm", b"rdb$", b"v$"];

/// Names that share a beginning.
fn prefixed(lower: &[u8]) -> Word {
    let begins = |families: &[&[u8]]| families.iter().any(|family| starts_with(lower, family));
    if begins(REACHING) {
        Word::Calls(Calls::Reach)
    } else if begins(DESCRIBING) {
        Word::System
    } else {
        Word::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_sorted_and_short() {
        assert!(WORDS.is_sorted_by_key(|(known, _)| *known));
        assert!(WORDS.iter().all(|(known, _)| known.len() <= LONGEST));
    }

    #[test]
    fn case_does_not_matter() {
        assert_eq!(word(b"uNiOn"), Word::Union);
        assert_eq!(word(b"XP_CMDSHELL"), Word::Calls(Calls::Reach));
        assert_eq!(word(b"unionised"), Word::Plain);
    }
}
