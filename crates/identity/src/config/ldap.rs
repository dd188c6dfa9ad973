//! The list `identity.ldap`: directories in which people are known.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use watchroom_kit::config::Problems;

use super::check_called;
use crate::outside::Admission;

/// Where the groups of a person are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LdapGroups {
    /// By looking for groups that name the person, for groups that name these, and so on.
    #[default]
    Walk,
    /// By asking Active Directory, which follows groups in groups itself.
    ActiveDirectory,
    /// In the attribute `memberOf` of the person, and nowhere else.
    MemberOf,
}

/// One directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LdapRules {
    /// Its name in the log: 1 to 32 of a-z, 0-9 and hyphens.
    pub name: String,
    /// What the sign-in page calls it. Default its name.
    pub title: String,
    /// Its servers, `ldaps://dc1.example.org` or with a port; the first that answers is asked.
    pub servers: Vec<String>,
    /// Servers are named `ldap://...`, and TLS begins with the first message. Default false.
    pub starttls: bool,
    /// The authorities that vouch for its certificate, in PEM. There is no default.
    pub ca_file: Option<PathBuf>,
    /// The account that finds people, by its distinguished name. Default none: `direct` says who people are.
    pub bind_dn: String,
    /// A file that holds its password.
    pub bind_password_file: Option<PathBuf>,
    /// People by their distinguished names, `uid={name},ou=people,dc=example,dc=org`, where no account finds them.
    pub direct: String,
    /// Where people are.
    pub base: String,
    /// Who is meant by a name; one attribute, or one person has several counts of wrong passwords. Default
    /// `(uid={name})`; of Active Directory `(sAMAccountName={name})`.
    pub filter: String,
    /// The attribute that never changes of a person. Default `entryUUID`; of Active Directory `objectGUID`.
    pub subject: String,
    /// The attribute with the name that others see. Default `displayName`.
    pub display_name: String,
    /// How groups are found: `walk`, `active_directory` or `member_of`. Default `walk`.
    pub groups: LdapGroups,
    /// Where groups are. Default `base`.
    pub group_base: String,
    /// Seconds that a server may take to take the connection. Default 3.
    pub connect_s: u32,
    /// Seconds that all servers together may take to answer. Default 10.
    pub answer_s: u32,
    /// How many may sign in by it at once; one more is told to come back. Default 8.
    pub at_once: u32,
    /// Who comes in, and as what. Claims are `groups`, by what they are called, and `group_dns`.
    pub admit: Admission,
}

impl Default for LdapRules {
    fn default() -> Self {
        Self {
            name: String::new(),
            title: String::new(),
            servers: Vec::new(),
            starttls: false,
            ca_file: None,
            bind_dn: String::new(),
            bind_password_file: None,
            direct: String::new(),
            base: String::new(),
            filter: "(uid={name})".to_owned(),
            subject: "entryUUID".to_owned(),
            display_name: "displayName".to_owned(),
            groups: LdapGroups::Walk,
            group_base: String::new(),
            connect_s: 3,
            answer_s: 10,
            at_once: 8,
            admit: Admission::default(),
        }
    }
}

impl LdapRules {
    /// What the sign-in page calls it.
    #[must_use]
    pub fn title(&self) -> &str {
        match self.title.is_empty() {
            true => &self.name,
            false => &self.title,
        }
    }

    /// Its servers, each by name and port; `None` where one is no address.
    #[must_use]
    pub fn addresses(&self) -> Option<Vec<(String, u16)>> {
        let (scheme, port) = match self.starttls {
            true => ("ldap://", 389),
            false => ("ldaps://", 636),
        };
        let one = |text: &String| address(text.strip_prefix(scheme)?, port);
        self.servers.iter().map(one).collect()
    }

    pub(super) fn check_all(all: &[Self], problems: &mut Problems) {
        let mut names = BTreeSet::new();
        for (at, one) in all.iter().enumerate() {
            let key = format!("identity.ldap[{at}]");
            check_called(&key, (&one.name, &one.title), &mut names, problems);
            one.check(&key, problems);
        }
    }

    fn check(&self, key: &str, problems: &mut Problems) {
        let mut wants = |holds: bool, name: &str, said: &str| {
            if !holds {
                problems.add(format!("{key}.{name}"), said);
            }
        };
        let is_open = !self.starttls && self.servers.iter().any(|server| server.starts_with("ldap://"));
        wants(
            !is_open,
            "servers",
            "ldap:// says passwords in clear text; name them ldaps://, or set starttls = true",
        );
        wants(
            is_open || (!self.servers.is_empty() && self.addresses().is_some()),
            "servers",
            "must be addresses like ldaps://dc1.example.org, or ldap:// with starttls = true",
        );
        wants(
            self.ca_file.is_some(),
            "ca_file",
            "must name the file with the authorities that vouch for its certificate",
        );
        wants(
            self.bind_dn.is_empty() != self.direct.is_empty(),
            "bind_dn",
            "give either bind_dn with bind_password_file, or direct",
        );
        wants(
            self.bind_dn.is_empty() == self.bind_password_file.is_none(),
            "bind_password_file",
            "belongs to bind_dn; without a password a directory takes anybody for it",
        );
        let names_once = |text: &str| text.matches("{name}").count() == 1;
        wants(
            self.direct.is_empty() || names_once(&self.direct),
            "direct",
            "must hold {name} once",
        );
        let is_filter =
            self.filter.starts_with('(') && self.filter.ends_with(')') && names_once(&self.filter);
        wants(
            is_filter,
            "filter",
            "must be a filter in brackets that holds {name} once",
        );
        wants(!self.base.is_empty(), "base", "must name where people are");
        for (name, value) in [("subject", &self.subject), ("display_name", &self.display_name)] {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            wants(
                !value.is_empty() && value.bytes().all(is_letter),
                name,
                "must be the name of an attribute",
            );
        }
        for (name, value) in [("connect_s", self.connect_s), ("answer_s", self.answer_s)] {
            // An answer of ours begins within 30 seconds.
            wants((1..=25).contains(&value), name, "must be between 1 and 25");
        }
        wants(
            (1..=256).contains(&self.at_once),
            "at_once",
            "must be between 1 and 256",
        );
        self.admit.check(&format!("{key}.admit"), problems);
    }
}

/// A name or address and a port.
fn address(text: &str, usual: u16) -> Option<(String, u16)> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => usual,
    };
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_letter)).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> LdapRules {
        LdapRules {
            name: "corp".into(),
            servers: vec![
                "ldaps://dc1.example.org".into(),
                "ldaps://[2001:db8::1]:1636/".into(),
            ],
            ca_file: Some("/etc/ssl/corp.pem".into()),
            direct: "uid={name},ou=people,dc=example".into(),
            base: "dc=example".into(),
            ..LdapRules::default()
        }
    }

    fn problems(all: &[LdapRules]) -> Vec<String> {
        let mut problems = Problems::default();
        LdapRules::check_all(all, &mut problems);
        problems.into_vec().into_iter().map(|one| one.key).collect()
    }

    #[test]
    fn a_directory_is_named_by_its_servers_and_ports() {
        let addresses = good().addresses().unwrap();
        assert_eq!(
            addresses,
            [
                ("dc1.example.org".to_owned(), 636),
                ("2001:db8::1".to_owned(), 1_636)
            ]
        );
        assert_eq!(problems(&[good()]), Vec::<String>::new());
    }

    #[test]
    fn clear_text_and_two_of_one_name_and_what_cannot_be_meant_are_refused() {
        let one = |change: fn(&mut LdapRules)| {
            let mut rules = good();
            change(&mut rules);
            problems(&[rules])
        };
        let key = |name: &str| vec![format!("identity.ldap[0].{name}")];
        assert_eq!(
            one(|rules| rules.servers = vec!["ldap://dc1".into()]),
            key("servers")
        );
        assert_eq!(one(|rules| rules.starttls = true), key("servers"));
        assert_eq!(one(|rules| rules.servers.clear()), key("servers"));
        assert_eq!(
            one(|rules| rules.servers = vec!["ldaps://a b".into()]),
            key("servers")
        );
        assert_eq!(one(|rules| rules.ca_file = None), key("ca_file"));
        assert_eq!(one(|rules| rules.direct = "uid=x".into()), key("direct"));
        assert_eq!(one(|rules| rules.direct.clear()), key("bind_dn"));
        assert_eq!(one(|rules| rules.filter = "uid={name}".into()), key("filter"));
        assert_eq!(one(|rules| rules.subject = "a)(b".into()), key("subject"));
        assert_eq!(one(|rules| rules.answer_s = 0), key("answer_s"));
        assert_eq!(
            one(|rules| rules.admit.default_role = Some("Root".into())),
            key("admit.default_role")
        );
        assert_eq!(problems(&[good(), good()]), ["identity.ldap[1].name"]);
    }
}
