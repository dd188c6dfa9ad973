//! Rules from what a provider says of a person to what they hold here, and who is let in that is not known yet.
//!
//! A rule is one line: `groups contains ops -> operator`, or `department is "radio room" -> group:radio`. Values are
//! compared exactly. A rule gives a role everywhere, or puts somebody into a group; what several give comes together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use watchroom_kit::config::Problems;
use watchroom_model::{EmailAddress, HostName};

use crate::roles::is_name;

/// What a provider says of a person: names with their values. Only what the provider vouches for stands here.
pub type Claims = BTreeMap<String, Vec<String>>;

/// How a claim is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    /// One of its values is that.
    Contains,
    /// It has one value, which is that.
    Is,
}

impl Test {
    const fn word(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::Is => "is",
        }
    }
}

/// Before the name of a group, where a rule puts people into one.
const GROUP: &str = "group:";

/// What a rule gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gift {
    /// A role, everywhere.
    Role(String),
    /// What a group holds.
    Group(String),
}

impl Gift {
    fn read(text: &str) -> Option<Self> {
        match text.strip_prefix(GROUP) {
            Some(name) => is_name(name).then(|| Self::Group(name.to_owned())),
            None => is_name(text).then(|| Self::Role(text.to_owned())),
        }
    }
}

impl fmt::Display for Gift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(name) => f.write_str(name),
            Self::Group(name) => write!(f, "{GROUP}{name}"),
        }
    }
}

/// What rules give somebody, by name. Whether there are such roles and groups only the database knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) roles: BTreeSet<String>,
    pub(crate) groups: BTreeSet<String>,
}

impl Given {
    pub(crate) fn is_nothing(&self) -> bool {
        self.roles.is_empty() && self.groups.is_empty()
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleRule {
    claim: String,
    test: Test,
    value: String,
    gift: Gift,
}

/// A text that is no rule: what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule:?} is no rule: {fault}; write for example: groups contains ops -> operator")]
pub struct RuleError {
    rule: String,
    fault: &'static str,
}

impl RoleRule {
    /// Whether the claims fulfil it.
    #[must_use]
    pub fn holds(&self, claims: &Claims) -> bool {
        let Some(values) = claims.get(&self.claim) else {
            return false;
        };
        match self.test {
            Test::Contains => values.contains(&self.value),
            Test::Is => matches!(values.as_slice(), [only] if *only == self.value),
        }
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        let (condition, role) = text.rsplit_once("->").ok_or("it has no ->")?;
        let condition = condition.trim();
        let (claim, rest) = condition
            .split_once(char::is_whitespace)
            .ok_or("before the arrow stand a claim, `contains` or `is`, and a value")?;
        let (test, value) = rest
            .trim_start()
            .split_once(char::is_whitespace)
            .ok_or("before the arrow stand a claim, `contains` or `is`, and a value")?;
        let test = [Test::Contains, Test::Is]
            .into_iter()
            .find(|known| known.word() == test)
            .ok_or("claims are compared with `contains` or `is`")?;
        let gift = Gift::read(role.trim()).ok_or("after the arrow stands a role, or group: and a group")?;
        Ok(Self {
            claim: claim.to_owned(),
            test,
            value: unquoted(value.trim())?,
            gift,
        })
    }
}

/// A value as it is compared: in quotes it may begin and end with spaces, and hold an arrow.
fn unquoted(value: &str) -> Result<String, &'static str> {
    let inner = match value.strip_prefix('"') {
        Some(open) => open.strip_suffix('"').ok_or("the value's quotes do not close")?,
        None => value,
    };
    if inner.contains('"') || inner.chars().any(char::is_control) {
        return Err("a value holds no quotes and no control characters");
    }
    match inner.is_empty() {
        true => Err("the value is empty"),
        false => Ok(inner.to_owned()),
    }
}

impl FromStr for RoleRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        Self::read(text).map_err(|fault| RuleError {
            rule: text.to_owned(),
            fault,
        })
    }
}

impl TryFrom<String> for RoleRule {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        text.parse()
    }
}

impl From<RoleRule> for String {
    fn from(rule: RoleRule) -> Self {
        rule.to_string()
    }
}

impl fmt::Display for RoleRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            claim,
            test,
            value,
            gift,
        } = self;
        write!(f, "{claim} {} \"{value}\" -> {gift}", test.word())
    }
}

/// Who comes in by a provider, and as what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admission {
    /// Whether people whom nobody knows here get an account at their first sign-in. Default false: they are tied to an
    /// account that they have.
    pub create: bool,
    /// Who gets one: people with a verified e-mail address at one of these domains; `*` is everybody whom the provider
    /// signs in. Default none.
    pub domains: Vec<String>,
    /// Rules from claims to roles and groups, such as `groups contains ops -> operator` or
    /// `groups contains ops -> group:ops`; followed anew at each sign-in.
    pub rules: Vec<RoleRule>,
    /// The role of those to whom no rule gives anything. Default none: such people get no account.
    pub default_role: Option<String>,
}

impl Admission {
    /// What somebody with these claims is given, of the roles and groups that there are.
    pub(crate) fn gives(&self, claims: &Claims, is_there: impl Fn(&Gift) -> bool) -> Given {
        let mut given = Given::default();
        let holding = self.rules.iter().filter(|rule| rule.holds(claims));
        for gift in holding.map(|rule| &rule.gift).filter(|gift| is_there(gift)) {
            match gift {
                Gift::Role(name) => given.roles.insert(name.clone()),
                Gift::Group(name) => given.groups.insert(name.clone()),
            };
        }
        if given.is_nothing() {
            let usual = self.default_role.iter().cloned().map(Gift::Role);
            let usual = usual.filter(|gift| is_there(gift));
            given.roles.extend(usual.map(|gift| gift.to_string()));
        }
        given
    }

    /// All that rules name: roles, and `group:` and a group.
    pub(crate) fn gifts(&self) -> impl Iterator<Item = Gift> {
        let usual = self.default_role.iter().cloned().map(Gift::Role);
        self.rules.iter().map(|rule| rule.gift.clone()).chain(usual)
    }

    /// Whether somebody with this verified address, or none, gets an account.
    pub(crate) fn admits(&self, email: Option<&EmailAddress>) -> bool {
        let host = email.and_then(|email| email.as_str().rsplit_once('@'));
        let is_theirs = |domain: &String| {
            domain == "*" || host.is_some_and(|(_, host)| host.eq_ignore_ascii_case(domain))
        };
        self.create && self.domains.iter().any(is_theirs)
    }

    /// Reports what cannot be meant; `key` is where it stands.
    pub fn check(&self, key: &str, problems: &mut Problems) {
        if self.create && self.domains.is_empty() {
            let said = "must name the e-mail domains whose people get accounts, or \"*\" for everybody whom the provider signs in";
            problems.add(format!("{key}.domains"), said);
        }
        let is_domain = |domain: &String| domain == "*" || domain.parse::<HostName>().is_ok();
        if !self.domains.iter().all(is_domain) {
            problems.add(
                format!("{key}.domains"),
                "must be domains like example.org, or \"*\"",
            );
        }
        if self.create && self.rules.is_empty() && self.default_role.is_none() {
            let said = "accounts are to be made, but no rule gives anything; give rules, or a default_role";
            problems.add(format!("{key}.create"), said);
        }
        if self.default_role.as_ref().is_some_and(|role| !is_name(role)) {
            problems.add(format!("{key}.default_role"), "must be the name of a role");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(text: &str) -> RoleRule {
        text.parse().unwrap()
    }

    fn claims(of: &[(&str, &[&str])]) -> Claims {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        of.iter()
            .map(|(name, values)| ((*name).to_owned(), owned(values)))
            .collect()
    }

    #[test]
    fn a_rule_gives_its_role_to_those_it_names_and_nobody_else() {
        let contains = rule("groups contains ops -> operator");
        assert!(contains.holds(&claims(&[("groups", &["crew", "ops"])])));
        for other in [
            claims(&[("groups", &["Ops", "devops", "ops "])]),
            claims(&[("group", &["ops"])]),
            claims(&[("groups", &[])]),
            claims(&[]),
        ] {
            assert!(!contains.holds(&other), "{other:?}");
        }
        let is = rule("department is \"radio room\" -> member");
        assert!(is.holds(&claims(&[("department", &["radio room"])])));
        assert!(!is.holds(&claims(&[("department", &["radio room", "kitchen"])])));
    }

    #[test]
    fn what_is_no_rule_is_told_with_an_example() {
        for (text, part) in [
            ("", "no ->"),
            ("groups contains ops", "no ->"),
            ("groups -> operator", "before the arrow"),
            ("groups contains -> operator", "before the arrow"),
            ("groups matches .* -> operator", "`contains` or `is`"),
            ("groups contains ops -> Root", "a role, or group:"),
            ("groups contains ops -> group:", "a role, or group:"),
            ("groups contains ops -> group:a b", "a role, or group:"),
            ("groups contains \"ops -> operator", "do not close"),
            ("groups contains \"\" -> operator", "empty"),
            ("groups contains o\"ps -> operator", "no quotes"),
        ] {
            let error = text.parse::<RoleRule>().unwrap_err().to_string();
            assert!(
                error.contains(part) && error.contains("groups contains ops -> operator"),
                "{error}"
            );
        }
    }

    #[test]
    fn accounts_are_made_for_the_named_domains_alone() {
        let mut admission = Admission {
            create: true,
            domains: vec!["example.org".into()],
            ..Admission::default()
        };
        let email = |text: &str| text.parse::<EmailAddress>().unwrap();
        assert!(admission.admits(Some(&email("ann@Example.org"))));
        for other in [
            "ann@example.org.evil.example",
            "ann@evilexample.org",
            "ann@sub.example.org",
        ] {
            assert!(!admission.admits(Some(&email(other))), "{other}");
        }
        assert!(!admission.admits(None));
        admission.domains = vec!["*".into()];
        assert!(admission.admits(None));
        admission.create = false;
        assert!(!admission.admits(Some(&email("ann@example.org"))));
    }

    #[test]
    fn an_admission_that_cannot_be_meant_is_refused() {
        let problems = |admission: &Admission| {
            let mut problems = Problems::default();
            admission.check("here", &mut problems);
            problems
                .into_vec()
                .into_iter()
                .map(|one| one.key)
                .collect::<Vec<_>>()
        };
        assert_eq!(problems(&Admission::default()), Vec::<String>::new());
        let open = Admission {
            create: true,
            ..Admission::default()
        };
        assert_eq!(problems(&open), ["here.domains", "here.create"]);
        let odd = Admission {
            domains: vec!["@example.org".into()],
            default_role: Some("group:ops".into()),
            ..Admission::default()
        };
        assert_eq!(problems(&odd), ["here.domains", "here.default_role"]);
    }

    proptest! {
        #[test]
        fn a_rule_is_read_back_as_it_was_written(
            claim in "[a-zA-Z][a-zA-Z0-9_.:/-]{0,20}",
            is_list in any::<bool>(),
            value in "[^\"\\pC]{1,30}",
            role in prop::sample::select(vec!["admin", "night-watch", "group:ops", "group:night-watch"]),
        ) {
            let word = if is_list { "contains" } else { "is" };
            let written = rule(&format!("{claim} {word} \"{value}\" -> {role}"));
            prop_assert_eq!(&rule(&written.to_string()), &written);
            let other = format!("{value}x");
            prop_assert!(written.holds(&claims(&[(&claim, &[&value])])));
            prop_assert!(!written.holds(&claims(&[(&claim, &[&other])])));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,60}") {
            if let Ok(read) = text.parse::<RoleRule>() {
                prop_assert_eq!(rule(&read.to_string()), read);
            }
        }

        #[test]
        fn nobody_holds_what_no_rule_and_no_default_gives(groups in prop::collection::vec("[a-z]{1,6}", 0..6)) {
            let admission = Admission {
                rules: vec![rule("groups contains ops -> group:ops"), rule("groups contains crew -> member")],
                ..Admission::default()
            };
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            let given = admission.gives(&claims(&[("groups", &groups)]), |_| true);
            prop_assert_eq!(given.groups.contains("ops"), groups.contains(&"ops"));
            prop_assert_eq!(given.roles.contains("member"), groups.contains(&"crew"));
            prop_assert!(given.roles.len() <= 1 && given.groups.len() <= 1);
        }
    }
}
