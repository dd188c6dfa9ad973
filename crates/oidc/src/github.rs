//! GitHub: OAuth2 with PKCE, and its API asked who somebody is. There is no signed token; what is said comes over TLS from
//! the host that the code was given to.

use serde::Deserialize;
use serde_json::{Map, Value};
use watchroom_kit::SecretString;

use crate::fetch::{Address, Asking, Showing};
use crate::{Known, OidcError};

/// Where things are: on github.com, or on a GitHub Enterprise Server of one's own.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) authorize: Address,
    pub(crate) token: Address,
    api: String,
    realm: String,
}

impl Places {
    pub(crate) fn of(issuer: &str) -> Option<Self> {
        let api = match issuer {
            "https://github.com" => "https://api.github.com".to_owned(),
            own => format!("{own}/api/v3"),
        };
        Some(Self {
            authorize: Address::parse(&format!("{issuer}/login/oauth/authorize"))?,
            token: Address::parse(&format!("{issuer}/login/oauth/access_token"))?,
            realm: issuer.to_owned(),
            api,
        })
    }

    /// What GitHub calls itself when it sends a browser back.
    pub(crate) fn sender(&self) -> String {
        format!("{}/login/oauth", self.realm)
    }

    /// Who the token was given for, with the organisations that it may tell of as `groups`.
    pub(crate) async fn person(&self, asking: &Asking, token: SecretString) -> Result<Known, OidcError> {
        let showing = Showing::Bearer(token);
        let person: Person = self.ask(asking, "/user", &showing).await?;
        let emails: Vec<Email> = self.ask(asking, "/user/emails", &showing).await?;
        let organisations: Vec<Organisation> = self.ask(asking, "/user/orgs?per_page=100", &showing).await?;
        let mut document = Map::new();
        document.insert("preferred_username".to_owned(), person.login.clone().into());
        document.insert("login".to_owned(), person.login.into());
        if let Some(name) = person.name {
            document.insert("name".to_owned(), name.into());
        }
        if let Some(email) = emails.into_iter().find(|email| email.primary) {
            document.insert("email".to_owned(), email.email.into());
            document.insert("email_verified".to_owned(), email.verified.into());
        }
        let groups = organisations.into_iter().map(|one| Value::from(one.login));
        document.insert("groups".to_owned(), Value::Array(groups.collect()));
        Ok(Known::of(&self.realm, &person.id.to_string(), &[document]))
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        asking: &Asking,
        path: &str,
        showing: &Showing,
    ) -> Result<T, OidcError> {
        let at = Address::parse(&format!("{}{path}", self.api));
        let at = at.ok_or_else(|| OidcError::Foreign("an address of the API".to_owned()))?;
        asking.get(&at, showing).await?.good()
    }
}

#[derive(Deserialize)]
struct Person {
    /// Never given to anybody else, as a login is.
    id: u64,
    login: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    email: String,
    primary: bool,
    verified: bool,
}

#[derive(Deserialize)]
struct Organisation {
    login: String,
}
