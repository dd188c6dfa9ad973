//! The list `identity.oidc`: providers of sign-ins.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use watchroom_kit::config::Problems;

use super::check_called;
use crate::outside::Admission;

/// Providers that many people have, whose addresses need not be written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Any that speaks OpenID Connect.
    #[default]
    None,
    /// Google.
    Google,
    /// Microsoft Entra ID.
    Microsoft,
    /// GitHub, or with an `issuer` a GitHub Enterprise Server.
    Github,
}

/// One provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcRules {
    /// Its name in addresses and in the log: 1 to 32 of a-z, 0-9 and hyphens.
    pub name: String,
    /// What its button says. Default its name.
    pub title: String,
    /// `google`, `microsoft` or `github`. Default `none`, which is any other.
    pub preset: Preset,
    /// Its address, as it calls itself; https alone. Presets know theirs.
    pub issuer: String,
    /// Microsoft's: the directory whose people come in, by its id.
    pub tenant: String,
    /// What it calls us.
    pub client_id: String,
    /// A file that holds the secret by which it knows us. Default none: PKCE alone protects the code.
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for. Default `openid`, `profile` and `email`; GitHub's are `read:user`, `user:email` and `read:org`.
    pub scopes: Vec<String>,
    /// How its tokens may be signed: `RS256`, `ES256`, `EdDSA`. Default all three.
    pub algorithms: Vec<String>,
    /// The authorities that vouch for its certificate. Default those of this machine.
    pub ca_file: Option<PathBuf>,
    /// Who comes in, and as what.
    pub admit: Admission,
}

/// The algorithms that may be named.
const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

impl Default for OidcRules {
    fn default() -> Self {
        Self {
            name: String::new(),
            title: String::new(),
            preset: Preset::None,
            issuer: String::new(),
            tenant: String::new(),
            client_id: String::new(),
            client_secret_file: None,
            scopes: Vec::new(),
            algorithms: ALGORITHMS.map(str::to_owned).to_vec(),
            ca_file: None,
            admit: Admission::default(),
        }
    }
}

impl OidcRules {
    /// The address as the provider calls itself.
    #[must_use]
    pub fn issuer(&self) -> String {
        match self.preset {
            Preset::Google => "https://accounts.google.com".to_owned(),
            Preset::Microsoft => format!("https://login.microsoftonline.com/{}/v2.0", self.tenant),
            Preset::Github if self.issuer.is_empty() => "https://github.com".to_owned(),
            Preset::None | Preset::Github => self.issuer.clone(),
        }
    }

    /// What its button says.
    #[must_use]
    pub fn title(&self) -> &str {
        match self.title.is_empty() {
            true => &self.name,
            false => &self.title,
        }
    }

    /// What is asked for.
    #[must_use]
    pub fn scopes(&self) -> Vec<String> {
        let usual: &[&str] = match self.preset {
            Preset::Github => &["read:user", "user:email", "read:org"],
            _ => &["openid", "profile", "email"],
        };
        match self.scopes.is_empty() {
            true => usual.iter().map(|scope| (*scope).to_owned()).collect(),
            false => self.scopes.clone(),
        }
    }

    pub(super) fn check_all(all: &[Self], problems: &mut Problems) {
        let mut names = BTreeSet::new();
        for (at, one) in all.iter().enumerate() {
            let key = format!("identity.oidc[{at}]");
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
        wants(
            !self.client_id.is_empty(),
            "client_id",
            "must be what the provider calls us",
        );
        let takes_issuer = matches!(self.preset, Preset::None | Preset::Github);
        let is_known = self.preset == Preset::Github && self.issuer.is_empty();
        wants(
            takes_issuer || self.issuer.is_empty(),
            "issuer",
            "the preset knows its own; leave it out",
        );
        wants(
            !takes_issuer || is_known || is_issuer(&self.issuer),
            "issuer",
            "must be the provider's address, with https:// and without query or a slash at its end",
        );
        wants(
            self.preset != Preset::Microsoft || is_tenant(&self.tenant),
            "tenant",
            "must be the id of one directory; `common`, `organizations` and `consumers` let in anybody",
        );
        let is_algorithm = |name: &String| ALGORITHMS.contains(&name.as_str());
        wants(
            !self.algorithms.is_empty() && self.algorithms.iter().all(is_algorithm),
            "algorithms",
            "must be of RS256, ES256 and EdDSA",
        );
        let asks_openid =
            self.preset == Preset::Github || self.scopes().iter().any(|scope| scope == "openid");
        wants(asks_openid, "scopes", "must have openid among them");
        let is_for_the_world =
            matches!(self.preset, Preset::Google | Preset::Github) && self.issuer.is_empty();
        let lets_in_all = self.admit.create && self.admit.domains.iter().any(|domain| domain == "*");
        wants(
            !(is_for_the_world && lets_in_all),
            "admit.domains",
            "\"*\" would give an account to everybody in the world; name your domains",
        );
        self.admit.check(&format!("{key}.admit"), problems);
    }
}

fn is_issuer(text: &str) -> bool {
    let rest = text.strip_prefix("https://").unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#@\\\"<>".contains(&byte);
    !rest.is_empty() && !rest.starts_with('/') && !rest.ends_with('/') && rest.bytes().all(is_plain)
}

fn is_tenant(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let lets_in_anybody = ["common", "organizations", "consumers"].contains(&text);
    !text.is_empty() && !lets_in_anybody && text.bytes().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(all: &[OidcRules]) -> Vec<String> {
        let mut problems = Problems::default();
        OidcRules::check_all(all, &mut problems);
        problems
            .into_vec()
            .into_iter()
            .map(|problem| problem.key)
            .collect()
    }

    fn good() -> OidcRules {
        OidcRules {
            name: "example".into(),
            issuer: "https://id.example".into(),
            client_id: "watchroom".into(),
            ..OidcRules::default()
        }
    }

    /// A key of the section, and how its value goes wrong.
    type Wrong = (&'static str, fn(&mut OidcRules));

    #[test]
    fn a_provider_that_cannot_be_trusted_is_refused_at_start() {
        assert_eq!(problems(&[good()]), Vec::<String>::new());
        let wrong: [Wrong; 11] = [
            ("issuer", |one| one.issuer = "http://id.example".into()),
            ("issuer", |one| one.issuer = "https://id.example/?a=b".into()),
            ("issuer", |one| one.issuer = "https://you@id.example".into()),
            ("issuer", |one| one.issuer = String::new()),
            ("issuer", |one| one.preset = Preset::Google),
            ("name", |one| one.name = "../evil".into()),
            ("client_id", |one| one.client_id = String::new()),
            ("algorithms", |one| one.algorithms = vec!["HS256".into()]),
            ("algorithms", |one| one.algorithms = vec!["none".into()]),
            ("algorithms", |one| one.algorithms = Vec::new()),
            ("scopes", |one| one.scopes = vec!["email".into()]),
        ];
        for (key, bend) in wrong {
            let mut one = good();
            bend(&mut one);
            assert_eq!(problems(&[one]), [format!("identity.oidc[0].{key}")]);
        }
        assert_eq!(problems(&[good(), good()]), ["identity.oidc[1].name"]);
    }

    #[test]
    fn presets_know_where_they_are_and_let_in_nobody_unasked() {
        let preset = |preset, tenant: &str| OidcRules {
            preset,
            tenant: tenant.into(),
            issuer: String::new(),
            ..good()
        };
        assert_eq!(preset(Preset::Google, "").issuer(), "https://accounts.google.com");
        let microsoft = preset(Preset::Microsoft, "8a1b-c");
        assert_eq!(
            microsoft.issuer(),
            "https://login.microsoftonline.com/8a1b-c/v2.0"
        );
        assert_eq!(problems(&[microsoft]), Vec::<String>::new());
        for open in ["", "common", "organizations", "consumers"] {
            assert_eq!(
                problems(&[preset(Preset::Microsoft, open)]),
                ["identity.oidc[0].tenant"]
            );
        }
        let mut github = preset(Preset::Github, "");
        assert_eq!(github.issuer(), "https://github.com");
        assert_eq!(problems(std::slice::from_ref(&github)), Vec::<String>::new());
        github.admit = Admission {
            create: true,
            domains: vec!["*".into()],
            default_role: Some("viewer".into()),
            ..Admission::default()
        };
        assert_eq!(problems(&[github]), ["identity.oidc[0].admit.domains"]);
    }
}
