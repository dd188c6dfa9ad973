//! The section `identity`: how hard passwords are hashed, what they must be, how long things last.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};

mod jwt;
mod ldap;
mod oidc;

use crate::breached;
use crate::outside::Provider;
use crate::roles::is_name;

pub use jwt::JwtRules;
pub use ldap::{LdapGroups, LdapRules};
pub use oidc::{OidcRules, Preset};

/// How people prove who they are, and how long that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How passwords are hashed.
    pub hashing: HashingRules,
    /// What a password must be.
    pub password: PasswordRules,
    /// How long sessions last.
    pub session: SessionRules,
    /// Which ways to sign in there are.
    pub methods: MethodRules,
    /// When failed sign-ins lock an account.
    pub lockout: LockoutRules,
    /// How long API tokens last.
    pub tokens: TokenRules,
    /// Access tokens and refresh tokens of programs that sign in by name and password.
    pub jwt: JwtRules,
    /// Who must have a second factor.
    pub second_factors: SecondFactorRules,
    /// Signing in by links that come by mail.
    pub magic_links: MagicLinkRules,
    /// Providers of sign-ins, by OpenID Connect or OAuth2. Default none.
    pub oidc: Vec<OidcRules>,
    /// Directories (LDAP, Active Directory) in which people are known. Default none.
    pub ldap: Vec<LdapRules>,
}

/// Which ways to sign in there are, beside those that have sections of their own (`identity.oidc`, `identity.ldap`,
/// `identity.magic_links`). Watchroom does not start with so few that no administrator could sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MethodRules {
    /// Whether people may sign in with a password that is kept here. Default true.
    pub password: bool,
    /// Whether people may sign in with a passkey and nothing else. As a second factor and as a fresh proof passkeys do
    /// either way. Default true.
    pub passkey: bool,
}

impl Default for MethodRules {
    fn default() -> Self {
        Self {
            password: true,
            passkey: true,
        }
    }
}

/// Signing in by links that come by mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MagicLinkRules {
    /// Whether people may, where mail is sent. Default false.
    pub is_on: bool,
    /// Minutes for which a link holds, 5 to 15. Default 15.
    pub minutes: u32,
}

impl Default for MagicLinkRules {
    fn default() -> Self {
        Self {
            is_on: false,
            minutes: 15,
        }
    }
}

/// How passwords are hashed: Argon2id (RFC 9106). A rise is applied to each account at its next sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HashingRules {
    /// Memory of one hash, in KiB. Default 19456 (19 MiB).
    pub memory_kib: u32,
    /// Passes over the memory. Default 2.
    pub passes: u32,
    /// Lanes. Default 1.
    pub lanes: u32,
    /// Threads that hash, each with memory of its own. Default 1, so that a sign-in flood leaves the rest alone.
    pub threads: u8,
    /// Sign-ins that may wait for a thread; one more is told to come back. Default 8.
    pub queue: u8,
    /// Milliseconds before a sign-in that found the queue full is answered. Fifty people who try at once are through in less, and
    /// whoever is among them waits no longer than two seconds in all. Default 1500.
    pub busy_delay_ms: u32,
}

impl Default for HashingRules {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
            threads: 1,
            queue: 8,
            busy_delay_ms: 1_500,
        }
    }
}

/// What a password must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordRules {
    /// Fewest characters. Default 12.
    pub shortest: u16,
    /// Most characters. Default 256.
    pub longest: u16,
    /// Whether upper case, lower case, a digit and a special character are wanted. Default true.
    pub mixed: bool,
    /// The same character at most this many times in a row. Default 3.
    pub longest_run: u8,
    /// Least zxcvbn score, 0 to 4. Default 3.
    pub least_score: u8,
    /// A file of passwords that are known to others: SHA-1 digests in hexadecimal, one on each line, sorted. Default none.
    pub breached_file: Option<PathBuf>,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self {
            shortest: 12,
            longest: 256,
            mixed: true,
            longest_run: 3,
            least_score: 3,
            breached_file: None,
        }
    }
}

/// How long sessions last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionRules {
    /// Seconds from a person's last act. Default 28800 (8 hours).
    pub idle_s: u32,
    /// Seconds in all. Default 86400 (24 hours).
    pub longest_s: u32,
    /// Seconds in all where the person asked to be remembered. Default 2592000 (30 days).
    pub remembered_s: u32,
}

impl Default for SessionRules {
    fn default() -> Self {
        Self {
            idle_s: 8 * 3_600,
            longest_s: 24 * 3_600,
            remembered_s: 30 * 24 * 3_600,
        }
    }
}

/// When failed sign-ins lock an account: for one network (/24 of IPv4, /64 of IPv6), and for everybody but browsers
/// that have signed in before, which have a count of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockoutRules {
    /// Failures that lock. Default 5.
    pub failures: u32,
    /// Seconds within which they must happen. Default 300.
    pub within_s: u32,
    /// Seconds for which they lock. Default 900.
    pub lock_s: u32,
    /// Failures from anywhere that lock the account for every browser that has not signed in before. A password is
    /// never tried more often within `everywhere_within_s`, however many try it at once. Default 10.
    pub everywhere_failures: u32,
    /// Seconds within which they must happen. Default 3600 (1 hour).
    pub everywhere_within_s: u32,
    /// Seconds for which they lock. Default 3600 (1 hour).
    pub everywhere_lock_s: u32,
}

impl Default for LockoutRules {
    fn default() -> Self {
        Self {
            failures: 5,
            within_s: 300,
            lock_s: 900,
            everywhere_failures: 10,
            everywhere_within_s: 3_600,
            everywhere_lock_s: 3_600,
        }
    }
}

impl LockoutRules {
    fn check(&self, wants: &mut impl FnMut(bool, &str, &str)) {
        wants(
            (1..=1_000).contains(&self.failures),
            "lockout.failures",
            "must be 1 to 1000",
        );
        wants(self.within_s >= 1, "lockout.within_s", "must be at least 1");
        wants(self.lock_s >= 1, "lockout.lock_s", "must be at least 1");
        wants(
            (1..=1_000).contains(&self.everywhere_failures),
            "lockout.everywhere_failures",
            "must be 1 to 1000",
        );
        wants(
            (60..=86_400).contains(&self.everywhere_within_s),
            "lockout.everywhere_within_s",
            "must be 60 to 86400 (a day)",
        );
        wants(
            (1..=604_800).contains(&self.everywhere_lock_s),
            "lockout.everywhere_lock_s",
            "must be 1 to 604800 (a week)",
        );
    }
}

/// How long API tokens last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenRules {
    /// Seconds when nobody says. Default 7776000 (90 days).
    pub usual_s: u32,
    /// Most seconds anybody may ask for. Default 31622400 (366 days).
    pub longest_s: u32,
}

impl Default for TokenRules {
    fn default() -> Self {
        Self {
            usual_s: 90 * 24 * 3_600,
            longest_s: 366 * 24 * 3_600,
        }
    }
}

/// Stands for every role in a list of them.
pub(crate) const EVERY_ROLE: &str = "*";

/// Who must have a second factor, and how it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecondFactorRules {
    /// Roles whose holders must prove a second factor, by name; `*` is every role. Default `admin` and `operator`; an empty
    /// list requires one of nobody. Who has one must prove it, whatever stands here.
    pub required_roles: Vec<String>,
    /// How many steps of 30 seconds the clock of a device that makes codes may be early or late: 0 or 1. Default 1.
    pub skew_steps: u8,
    /// What authenticators call this Watchroom. Default `Watchroom` and the name of this machine.
    pub issuer: String,
}

impl Default for SecondFactorRules {
    fn default() -> Self {
        Self {
            required_roles: ["admin", "operator"].map(str::to_owned).to_vec(),
            skew_steps: 1,
            issuer: String::new(),
        }
    }
}

impl SecondFactorRules {
    fn check(&self, problems: &mut Problems) {
        // Whether there is such a role only the database knows: the doctor looks.
        if !self
            .required_roles
            .iter()
            .all(|role| role == EVERY_ROLE || is_name(role))
        {
            let key = format!("{}.second_factors.required_roles", Config::NAME);
            problems.add(key, "must be names of roles");
        }
        if self.skew_steps > 1 {
            let key = format!("{}.second_factors.skew_steps", Config::NAME);
            problems.add(key, "must be 0 or 1");
        }
        let is_unfit = |letter: char| letter == ':' || letter.is_control();
        if self.issuer.chars().count() > 64 || self.issuer.contains(is_unfit) {
            let key = format!("{}.second_factors.issuer", Config::NAME);
            problems.add(key, "must have at most 64 characters, and no colon among them");
        }
    }
}

/// Checks what a provider or directory is called: in addresses and in the log by a name of its own, on pages by a title.
fn check_called<'a>(
    key: &str,
    (name, title): (&'a str, &str),
    taken: &mut BTreeSet<&'a str>,
    problems: &mut Problems,
) {
    if !taken.insert(name) {
        problems.add(
            format!("{key}.name"),
            "another one has this name; give each its own",
        );
    }
    if !Provider::is_name(name) {
        problems.add(
            format!("{key}.name"),
            "must be 1 to 32 of a-z, 0-9 and inner hyphens",
        );
    }
    if title.chars().count() > 40 || title.chars().any(char::is_control) {
        problems.add(format!("{key}.title"), "must have at most 40 characters");
    }
}

impl Section for Config {
    const NAME: &'static str = "identity";

    fn check(&self, problems: &mut Problems) {
        if !(5..=15).contains(&self.magic_links.minutes) {
            problems.add(format!("{}.magic_links.minutes", Self::NAME), "must be 5 to 15");
        }
        self.second_factors.check(problems);
        self.jwt.check(problems);
        OidcRules::check_all(&self.oidc, problems);
        LdapRules::check_all(&self.ldap, problems);
        let mut wants = |holds: bool, key: &str, rule: &str| {
            if !holds {
                problems.add(format!("{}.{key}", Self::NAME), rule);
            }
        };
        let hashing = &self.hashing;
        let least = 8_u32.saturating_mul(hashing.lanes);
        wants(
            (1..=16).contains(&hashing.lanes),
            "hashing.lanes",
            "must be 1 to 16",
        );
        wants(
            hashing.memory_kib >= least && hashing.memory_kib <= 4_194_304,
            "hashing.memory_kib",
            "must be at least 8 per lane and at most 4194304 (4 GiB)",
        );
        wants(
            (1..=100).contains(&hashing.passes),
            "hashing.passes",
            "must be 1 to 100",
        );
        wants(
            (1..=16).contains(&hashing.threads),
            "hashing.threads",
            "must be 1 to 16",
        );
        wants(hashing.queue >= 1, "hashing.queue", "must be at least 1");
        let password = &self.password;
        wants(
            (8..=256).contains(&password.shortest),
            "password.shortest",
            "must be 8 to 256",
        );
        wants(
            password.longest >= password.shortest && password.longest <= 1_024,
            "password.longest",
            "must be at least password.shortest and at most 1024",
        );
        wants(
            password.longest_run >= 1,
            "password.longest_run",
            "must be at least 1",
        );
        wants(
            password.least_score <= 4,
            "password.least_score",
            "must be 0 to 4",
        );
        if let Some(Err(error)) = password.breached_file.as_deref().map(breached::check) {
            wants(false, "password.breached_file", &error.to_string());
        }
        let session = &self.session;
        wants(session.idle_s >= 60, "session.idle_s", "must be at least 60");
        wants(
            session.longest_s >= session.idle_s,
            "session.longest_s",
            "must be at least session.idle_s",
        );
        wants(
            session.remembered_s >= session.longest_s,
            "session.remembered_s",
            "must be at least session.longest_s",
        );
        self.lockout.check(&mut wants);
        wants(self.tokens.usual_s >= 60, "tokens.usual_s", "must be at least 60");
        wants(
            self.tokens.longest_s >= self.tokens.usual_s,
            "tokens.longest_s",
            "must be at least tokens.usual_s",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(config: &Config) -> Vec<String> {
        let mut problems = Problems::default();
        config.check(&mut problems);
        problems
            .into_vec()
            .into_iter()
            .map(|problem| problem.key)
            .collect()
    }

    #[test]
    fn the_defaults_are_fine() {
        assert_eq!(problems(&Config::default()), Vec::<String>::new());
    }

    #[test]
    fn all_problems_are_reported_together() {
        let mut config = Config::default();
        config.hashing.threads = 0;
        config.password.least_score = 9;
        config.session.longest_s = 61;
        config.second_factors.required_roles = vec!["admin".into(), "Root".into()];
        config.second_factors.issuer = "a:b".into();
        let wanted = [
            "identity.second_factors.required_roles",
            "identity.second_factors.issuer",
            "identity.hashing.threads",
            "identity.password.least_score",
            "identity.session.longest_s",
        ];
        assert_eq!(problems(&config), wanted);
    }
}
