//! What a password must be. All broken rules are reported at once; the strength meter asks the same rules.

use watchroom_kit::{ExposeSecret, FieldFault, SecretString};

use crate::breached;
use crate::config::PasswordRules;

impl PasswordRules {
    /// Every rule that `password` breaks, as faults of the input field `field`; none if it will do. `names` are
    /// what the person is called: a password must not contain the first, and all of them count as guessable.
    #[must_use]
    pub fn faults(&self, field: &str, password: &SecretString, names: &[&str]) -> Vec<FieldFault> {
        let text = password.expose_secret();
        let length = text.chars().count();
        let mut faults = Vec::new();
        let mut wants = |holds: bool, code: &str, rule: String| {
            if !holds {
                faults.push(FieldFault::new(field, code, rule));
            }
        };
        wants(
            length >= usize::from(self.shortest),
            "too_short",
            format!("use at least {} characters", self.shortest),
        );
        wants(
            length <= usize::from(self.longest),
            "too_long",
            format!("use at most {} characters", self.longest),
        );
        if self.mixed {
            let has = |kind: fn(char) -> bool| text.chars().any(kind);
            wants(
                has(char::is_uppercase),
                "no_upper_case",
                "use an upper-case letter".to_owned(),
            );
            wants(
                has(char::is_lowercase),
                "no_lower_case",
                "use a lower-case letter".to_owned(),
            );
            wants(has(char::is_numeric), "no_digit", "use a digit".to_owned());
            wants(
                has(|c| !c.is_alphanumeric()),
                "no_special",
                "use a special character".to_owned(),
            );
        }
        let contains_name = names.first().is_some_and(|name| contains(text, name));
        wants(
            !contains_name,
            "contains_name",
            "do not use the user name in it".to_owned(),
        );
        wants(
            longest_run(text) <= usize::from(self.longest_run),
            "repeats",
            format!(
                "use the same character at most {} times in a row",
                self.longest_run
            ),
        );
        // Longer texts are refused above, and scoring them would cost more than it tells.
        if length <= usize::from(self.longest)
            && (is_of_the_house(text) || score(text, names) < self.least_score)
        {
            wants(
                false,
                "guessable",
                "this is easy to guess; use more or less common words".to_owned(),
            );
        }
        if length <= usize::from(self.longest)
            && let Some(rule) = self.known_to_others(password)
        {
            wants(false, "breached", rule.to_owned());
        }
        faults
    }

    /// What is wrong with a password that is in the list of known ones, or cannot be looked up there.
    fn known_to_others(&self, password: &SecretString) -> Option<&'static str> {
        match breached::contains(self.breached_file.as_deref()?, password) {
            Ok(false) => None,
            Ok(true) => Some("this password is known to others from a breach; choose another"),
            Err(error) => {
                tracing::error!(%error, "whether a password is known to others could not be looked up");
                Some("whether it is known to others cannot be looked up now; try again later")
            }
        }
    }

    /// How hard `password` is to guess, 0 to 4: zxcvbn's score (Wheeler 2016), which knows dictionaries,
    /// keyboard patterns, dates and repetition.
    #[must_use]
    pub fn score(&self, password: &SecretString, names: &[&str]) -> u8 {
        let text = password.expose_secret();
        if text.chars().count() > usize::from(self.longest) {
            0
        } else {
            score(text, names)
        }
    }
}

/// What everybody who stands before the sign-in page thinks of first; the longer ones come first.
const WORDS_OF_THE_HOUSE: [&str; 6] = ["watchroom", "server", "watch", "room", "host", "node"];
/// How many letters and digits there must be beside such words.
const BESIDE_THEM: usize = 8;

/// Whether a password is made of the words of the house and little else, whatever their usual disguise.
fn is_of_the_house(text: &str) -> bool {
    let plain: String = text.to_lowercase().chars().map(undisguised).collect();
    let rest = WORDS_OF_THE_HOUSE
        .iter()
        .fold(plain.clone(), |rest, word| rest.replace(word, " "));
    let beside = rest.chars().filter(|c| c.is_alphanumeric()).count();
    rest != plain && beside < BESIDE_THEM
}

fn undisguised(c: char) -> char {
    match c {
        '@' | '4' => 'a',
        '0' => 'o',
        '3' => 'e',
        '5' | '$' => 's',
        other => other,
    }
}

/// How many characters are scored: the time it takes grows with the cube of their number, and a text whose beginning is hard to
/// guess is hard to guess.
const SCORED: usize = 32;
/// Digits and signs that zxcvbn reads as letters. It tries every way to read them together, so somebody who writes them all would
/// keep a core busy for seconds.
const DISGUISES: &str = "@4(<[{836901!|7$5+%2";
/// How many different ones are left in what is scored: words in disguise have fewer.
const MOST_DISGUISES: usize = 6;
/// What stands for the others: a sign as any, and no letter in disguise.
const PLAIN_SIGN: char = '~';

fn score(text: &str, names: &[&str]) -> u8 {
    u8::from(zxcvbn::zxcvbn(&scored(text), names).score())
}

/// The part of a text that is scored.
fn scored(text: &str) -> String {
    let mut disguises = String::new();
    let mut plain = |c: char| {
        let is_new = DISGUISES.contains(c) && !disguises.contains(c);
        if is_new && disguises.len() == MOST_DISGUISES {
            return PLAIN_SIGN;
        }
        if is_new {
            disguises.push(c);
        }
        c
    };
    text.chars().take(SCORED).map(&mut plain).collect()
}

fn contains(text: &str, name: &str) -> bool {
    !name.is_empty() && text.to_lowercase().contains(&name.to_lowercase())
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run, mut last) = (0, 0, None);
    for c in text.chars() {
        run = if last == Some(c) { run + 1 } else { 1 };
        last = Some(c);
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codes(password: &str) -> Vec<String> {
        let faults =
            PasswordRules::default().faults("password", &password.into(), &["alice", "Alice Archer"]);
        faults.into_iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn what_is_scored_is_bounded_in_length_and_in_disguises() {
        assert_eq!(scored("P4ssw0rd"), "P4ssw0rd");
        assert_eq!(scored("1 2 3 4 5 6 7 8 9"), "1 2 3 4 5 6 ~ ~ ~");
        assert_eq!(scored("7 in 7, 7 of 7"), "7 in 7, 7 of 7");
        let longest = "Grün ".repeat(50);
        assert_eq!(scored(&longest), longest.chars().take(SCORED).collect::<String>());
    }

    proptest! {
        #[test]
        fn whatever_is_typed_few_disguises_are_scored(text in "\\PC{0,256}|[@4(<\\[{836901!|7$5+%2]{0,256}") {
            let scored = scored(&text);
            let mut disguises: Vec<_> = scored.chars().filter(|c| DISGUISES.contains(*c)).collect();
            disguises.sort_unstable();
            disguises.dedup();
            prop_assert!(disguises.len() <= MOST_DISGUISES);
            prop_assert_eq!(scored.chars().count(), text.chars().count().min(SCORED));
        }
    }

    #[test]
    fn all_broken_rules_are_reported_at_once() {
        let wanted = [
            "too_short",
            "no_upper_case",
            "no_digit",
            "no_special",
            "contains_name",
            "repeats",
            "guessable",
        ];
        assert_eq!(codes("alicebbbb"), wanted);
    }

    #[test]
    fn a_good_password_breaks_none() {
        assert_eq!(codes("Teal-Otter7 drums"), Vec::<String>::new());
    }

    #[test]
    fn what_is_in_the_dictionary_or_on_the_keyboard_is_guessable() {
        assert_eq!(codes("Password123!"), ["guessable"]);
        assert_eq!(codes("Qwertyuiop1!"), ["guessable"]);
    }

    #[test]
    fn the_most_used_passwords_are_refused_whatever_the_rules_of_length() {
        // As lax as the configuration may be.
        let lax = PasswordRules {
            shortest: 8,
            mixed: false,
            ..PasswordRules::default()
        };
        for used in [
            "password",
            "12345678",
            "qwertyuiop",
            "iloveyou",
            "sunshine",
            "football",
            "baseball",
            "superman",
            "princess",
            "trustno1",
            "jennifer",
            "michelle",
            "starwars",
            "computer",
            "corvette",
            "maverick",
            "access14",
            "mercedes",
            "bigdaddy",
            "rush2112",
            "redskins",
            "butthead",
            "internet",
            "password1",
            "1q2w3e4r",
            "letmein1",
            "welcome1",
            "passw0rd",
            "Password",
            "P@ssw0rd",
            "PASSWORD123",
            "11111111",
            "87654321",
            "zaq12wsx",
            "asdfghjkl",
            "chelsea1",
            "liverpool",
            "december",
            "victoria",
            "whatever",
        ] {
            let faults = lax.faults("password", &used.into(), &["alice"]);
            assert!(!faults.is_empty(), "{used}");
        }
    }

    #[test]
    fn what_is_known_to_others_is_refused_and_so_is_what_cannot_be_looked_up() {
        let folder = watchroom_testkit_folder::Folder::new();
        let path = folder.path().join("breached");
        let rules = PasswordRules {
            breached_file: Some(path.clone()),
            ..PasswordRules::default()
        };
        let codes = |password: &str| -> Vec<String> {
            let faults = rules.faults("password", &password.into(), &["alice"]);
            faults.into_iter().map(|fault| fault.code).collect()
        };
        assert_eq!(codes("Teal-Otter7 drums"), ["breached"], "there is no such file");
        std::fs::write(&path, "KNOWN:12\n").unwrap();
        assert_eq!(codes("Teal-Otter7 drums"), ["breached"], "it is no list");
        let known =
            data_encoding::HEXUPPER.encode(&<sha1::Sha1 as sha1::Digest>::digest("Teal-Otter7 drums"));
        std::fs::write(&path, format!("{known}:12\n")).unwrap();
        assert_eq!(codes("Teal-Otter7 drums"), ["breached"]);
        assert_eq!(codes("Teal-Otter8 drums"), Vec::<String>::new());
    }

    #[test]
    fn the_words_of_the_house_make_no_password() {
        for guess in ["Watchroom-Host-1!", "Watchroom2026!!", "W@tchR00m-Node7"] {
            assert_eq!(codes(guess), ["guessable"], "{guess}");
        }
        assert_eq!(codes("Room for 4 quiet lanterns"), Vec::<String>::new());
    }

    proptest! {
        // Scoring a hundred odd characters takes a while without optimisation.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn no_text_is_too_odd_to_judge(text in "\\PC{0,300}") {
            let is_long = text.chars().count() > 256;
            prop_assert_eq!(codes(&text).contains(&"too_long".to_owned()), is_long);
        }

        #[test]
        fn a_run_of_four_is_always_found(before in "[a-z]{0,9}", c in "[A-Z]", after in "[a-z]{0,9}") {
            let text = format!("{before}{}{after}", c.repeat(4));
            prop_assert!(codes(&text).contains(&"repeats".to_owned()));
        }
    }
}
