//! Words in which a person is named, for those who must tell them without.

/// What stands in the place of a person who was erased.
pub const ERASED: &str = "an erased person";
/// What stands in the place of a person where the log names them beside.
const SOMEBODY: &str = "somebody";

/// What our own words say before they name who did or ordered something.
const BEFORE: [&str; 9] = [
    "created by ",
    "started by ",
    "stopped by ",
    "restarted by ",
    "removed by ",
    "called off by ",
    "ordered by ",
    "restart by ",
    "shutdown by ",
];

/// The words with [`ERASED`] in the place of this name, where it stands as a word of its own.
#[must_use]
pub fn without_person(words: &str, name: &str) -> String {
    let mut without = String::with_capacity(words.len());
    let mut rest = words;
    while let Some((before, after)) = rest.split_once(name).filter(|_| !name.is_empty()) {
        without.push_str(before);
        let is_alone = !without.ends_with(is_of_name) && !goes_on(after);
        without.push_str(if is_alone { ERASED } else { name });
        rest = after;
    }
    without.push_str(rest);
    without
}

/// The words with nobody named who did or ordered something: for the audit chain, which is never changed and tells who it was
/// by their id.
#[must_use]
pub fn without_doer(words: &str) -> String {
    let mut without = String::with_capacity(words.len());
    let mut rest = words;
    while let Some((at, before)) = first_of(rest) {
        let (said, named) = rest.split_at(at + before.len());
        without.push_str(said);
        without.push_str(SOMEBODY);
        let end = named.find(|letter: char| !is_of_name(letter) && letter != '.');
        let (_, after) = named.split_at(end.unwrap_or(named.len()));
        rest = after;
    }
    without.push_str(rest);
    without
}

/// Whether these are the words of before, told by somebody who does not know yet that a person was erased.
#[must_use]
pub fn names_the_erased(known: &str, said: &str) -> bool {
    known.split_once(ERASED).is_some_and(|(before, after)| {
        let name = said
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after));
        name.is_some_and(|name| {
            !name.is_empty() && name.chars().all(|letter| is_of_name(letter) || letter == '.')
        })
    })
}

fn first_of(words: &str) -> Option<(usize, &'static str)> {
    let found = BEFORE
        .iter()
        .filter_map(|before| Some((words.find(before)?, *before)));
    found.min_by_key(|(at, before)| (*at, std::cmp::Reverse(before.len())))
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || "_-@".contains(letter)
}

/// Whether a name that ends here would go on; a full stop may end a sentence.
fn goes_on(after: &str) -> bool {
    let mut letters = after.chars();
    match letters.next() {
        Some('.') => letters.next().is_some_and(is_of_name),
        Some(letter) => is_of_name(letter),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_goes_where_it_is_a_word_of_its_own() {
        for (words, without) in [
            ("alice", "an erased person"),
            (
                "stopped by alice 14:02 UTC",
                "stopped by an erased person 14:02 UTC",
            ),
            (
                "alicette and malice and alice.b and ali",
                "alicette and malice and alice.b and ali",
            ),
            ("of alice.", "of an erased person."),
            ("{\"by\":\"alice\"}", "{\"by\":\"an erased person\"}"),
            ("alice alice", "an erased person an erased person"),
        ] {
            assert_eq!(without_person(words, "alice"), without);
        }
        assert_eq!(without_person("stopped", ""), "stopped");
    }

    #[test]
    fn the_chain_is_told_what_was_done_and_not_by_whom() {
        for (words, without) in [
            ("stopped by alice 14:02 UTC", "stopped by somebody 14:02 UTC"),
            (
                "created by a.b-c_d; not started yet",
                "created by somebody; not started yet",
            ),
            (
                "stopped for the machine's restart by alice",
                "stopped for the machine's restart by somebody",
            ),
            (
                "it is about to be restarted (ordered by root (local)); wait",
                "it is about to be restarted (ordered by somebody (local)); wait",
            ),
            ("killed by signal 9", "killed by signal 9"),
            ("exited with 1", "exited with 1"),
        ] {
            assert_eq!(without_doer(words), without);
        }
    }

    #[test]
    fn what_is_told_again_of_somebody_erased_is_no_news() {
        let known = "stopped by an erased person 14:02 UTC";
        assert!(names_the_erased(known, "stopped by alice 14:02 UTC"));
        for said in [
            "stopped by alice 14:03 UTC",
            "started by alice 14:02 UTC",
            "stopped by alice at last 14:02 UTC",
            "stopped by  14:02 UTC",
        ] {
            assert!(!names_the_erased(known, said), "{said}");
        }
        assert!(!names_the_erased("exited with 1", "exited with 1"));
    }

    proptest! {
        #[test]
        fn nothing_is_left_of_a_name_and_nothing_else_changes(name in "[a-z][a-z0-9]{2,12}", before in "[ ,;(a-z]{0,12}", after in "[ ,;)a-z]{0,12}") {
            let words = format!("{before} {name} {after}");
            let without = without_person(&words, &name);
            let is_word = |word: &str| word == name;
            prop_assert!(!without.split(|letter: char| !is_of_name(letter)).any(is_word) || "an erased person".split(' ').any(is_word));
            prop_assert_eq!(without_person("nobody here", "zz"), "nobody here");
        }
    }
}
