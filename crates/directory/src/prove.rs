//! A name and a password become a person.

use std::collections::BTreeSet;
use std::sync::Arc;

use ldap3::{DerefAliases, Ldap, LdapError, Scope, SearchEntry, SearchOptions};
use tokio::time::timeout;
use watchroom_kit::{Ambient, Clock, ExposeSecret, SecretString, Site, Tasks, Turns};

use crate::servers::{Line, Servers, connect};
use crate::{Bind, DirectoryError, Settings, groups, words};

/// The password is wrong, or there is no such account: by RFC 4511, A.2, and what servers say instead.
const WRONG: [u32; 6] = [
    49, // invalidCredentials
    48, // inappropriateAuthentication: the entry has no password
    53, // unwillingToPerform: the account is closed
    32, // noSuchObject
    34, // invalidDNSyntax
    19, // constraintViolation: locked by the directory's own rules
];

/// Somebody, as the directory knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What never changes of them; bytes that are no text are hexadecimal.
    pub subject: String,
    /// Their name as others see it.
    pub display_name: Option<String>,
    /// Their e-mail address, as the directory has it.
    pub mail: Option<String>,
    /// The distinguished names of their groups.
    pub groups: BTreeSet<String>,
    /// What these are called.
    pub group_names: BTreeSet<String>,
}

/// A directory that can be asked. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Directory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    servers: Servers,
    turns: Turns,
    clock: Clock,
    tasks: Tasks,
}

/// What came of asking one server.
enum Answer {
    Person(Box<Person>),
    Nobody,
}

/// Why a server was no help.
enum Trouble {
    /// Another may be.
    Server(String),
    /// None would be.
    Settings(String),
}

impl From<LdapError> for Trouble {
    fn from(error: LdapError) -> Self {
        Self::Server(error.to_string())
    }
}

impl Directory {
    /// Nothing is asked before [`Directory::prove`].
    #[must_use]
    pub fn new(settings: Settings, ambient: &Ambient) -> Self {
        Self(Arc::new(Inner {
            turns: Turns::new(settings.most),
            settings,
            servers: Servers::default(),
            clock: ambient.clock.clone(),
            tasks: ambient.tasks.child(),
        }))
    }

    /// Who it is, if the password is theirs; `None` if it is not, or there is nobody of that name.
    ///
    /// # Errors
    /// [`DirectoryError`] if that cannot be said.
    pub async fn prove(
        &self,
        name: &str,
        password: &SecretString,
        from: Site,
    ) -> Result<Option<Person>, DirectoryError> {
        // By RFC 4513, 5.1.2, a directory takes an empty password for no sign-in, and says that it succeeded.
        if password.expose_secret().is_empty() || !words::is_name(name) {
            return Ok(None);
        }
        let inner = &*self.0;
        let in_turn = async {
            let _turn = inner.turns.take(from).await.ok_or(DirectoryError::Busy)?;
            inner.ask(name, password).await
        };
        let asked = timeout(inner.settings.patience, in_turn).await;
        asked.unwrap_or_else(|_| {
            let patience = inner.settings.patience.as_millis();
            Err(DirectoryError::Away(format!("no answer within {patience} ms")))
        })
    }
}

impl Directory {
    /// Whether it could be asked now: a server takes the connection, shows a good certificate, and takes the account
    /// that searches it.
    ///
    /// # Errors
    /// [`DirectoryError`] if not.
    pub async fn examine(&self) -> Result<(), DirectoryError> {
        let inner = &*self.0;
        let examined = async {
            let mut why = "it has none".to_owned();
            for server in &inner.settings.servers {
                let mut line = match connect(&inner.settings, server, &inner.tasks).await {
                    Ok(line) => line,
                    Err(error) => {
                        why = error;
                        continue;
                    }
                };
                return inner
                    .bind_ours(&mut line.ldap)
                    .await
                    .map_err(|trouble| match trouble {
                        Trouble::Server(why) => DirectoryError::Away(why),
                        Trouble::Settings(why) => DirectoryError::Unusable(why),
                    });
            }
            Err(DirectoryError::Away(why))
        };
        let late = |_| Err(DirectoryError::Away("no answer in time".to_owned()));
        timeout(inner.settings.patience, examined)
            .await
            .unwrap_or_else(late)
    }
}

impl Inner {
    async fn ask(&self, name: &str, password: &SecretString) -> Result<Option<Person>, DirectoryError> {
        let mut why = "it has none".to_owned();
        for server in self
            .servers
            .in_order(&self.settings.servers, self.clock.elapsed())
        {
            let asked = async {
                let line = connect(&self.settings, server, &self.tasks)
                    .await
                    .map_err(Trouble::Server)?;
                self.ask_one(line, name, password).await
            };
            match asked.await {
                Ok(Answer::Person(person)) => return Ok(Some(*person)),
                Ok(Answer::Nobody) => return Ok(None),
                Err(Trouble::Settings(why)) => return Err(DirectoryError::Unusable(why)),
                Err(Trouble::Server(error)) => {
                    tracing::warn!(
                        directory.name = self.settings.name,
                        directory.host = server.host,
                        error,
                        "a directory's server was no help"
                    );
                    self.servers.cool(server, self.clock.elapsed());
                    why = error;
                }
            }
        }
        Err(DirectoryError::Away(why))
    }

    async fn ask_one(&self, mut line: Line, name: &str, password: &SecretString) -> Result<Answer, Trouble> {
        let ldap = &mut line.ldap;
        let found = match &self.settings.bind {
            Bind::Search { .. } => {
                self.bind_ours(ldap).await?;
                let found = self.find(ldap, name).await?;
                // Whoever is not there costs a bind too, which nobody can pass.
                let dn = found
                    .as_ref()
                    .map_or_else(|| nobody(&self.settings.base), |entry| entry.dn.clone());
                if !bind(ldap, &dn, password).await? || found.is_none() {
                    return Ok(Answer::Nobody);
                }
                self.bind_ours(ldap).await?;
                found
            }
            Bind::Direct { template } => {
                let dn = words::dn(template, name);
                if !bind(ldap, &dn, password).await? {
                    return Ok(Answer::Nobody);
                }
                self.read(ldap, &dn).await?
            }
        };
        let Some(entry) = found else {
            return Ok(Answer::Nobody);
        };
        let groups = groups::of(ldap, &self.settings.groups, &entry).await?;
        self.person(&entry, groups)
            .map(|person| Answer::Person(Box::new(person)))
    }

    /// Binds as our own account.
    async fn bind_ours(&self, ldap: &mut Ldap) -> Result<(), Trouble> {
        let Bind::Search { dn, password } = &self.settings.bind else {
            return Ok(());
        };
        match bind(ldap, dn, password).await? {
            true => Ok(()),
            false => Err(Trouble::Settings(
                "it does not take the account that searches it".to_owned(),
            )),
        }
    }

    /// The one entry of that name.
    async fn find(&self, ldap: &mut Ldap, name: &str) -> Result<Option<SearchEntry>, Trouble> {
        let filter = words::filter(&self.settings.filter, name);
        let found = self
            .search(ldap, &self.settings.base, Scope::Subtree, &filter)
            .await?;
        match found.len() {
            0 | 1 => Ok(found.into_iter().next()),
            // Who of them it is nobody can say.
            _ => Ok(None),
        }
    }

    async fn read(&self, ldap: &mut Ldap, dn: &str) -> Result<Option<SearchEntry>, Trouble> {
        let found = self.search(ldap, dn, Scope::Base, "(objectClass=*)").await?;
        Ok(found.into_iter().next())
    }

    async fn search(
        &self,
        ldap: &mut Ldap,
        base: &str,
        scope: Scope,
        filter: &str,
    ) -> Result<Vec<SearchEntry>, Trouble> {
        let settings = &self.settings;
        let wanted = vec![
            settings.subject.as_str(),
            settings.display_name.as_str(),
            settings.mail.as_str(),
            "memberOf",
            "uid",
        ];
        ldap.with_search_options(SearchOptions::new().deref(DerefAliases::Never).sizelimit(2));
        let found = ldap.search(base, scope, filter, wanted).await?;
        match found.1.rc {
            // More than two of them: none is meant.
            4 => return Ok(Vec::new()),
            // Nobody there, or a referral to elsewhere, which is not followed.
            10 | 32 => return Ok(Vec::new()),
            _ => {}
        }
        let (entries, _) = found.success()?;
        let ours = entries
            .into_iter()
            .filter(|entry| !entry.is_ref() && !entry.is_intermediate());
        Ok(ours.map(SearchEntry::construct).collect())
    }

    fn person(&self, entry: &SearchEntry, groups: BTreeSet<String>) -> Result<Person, Trouble> {
        let subject = subject(entry, &self.settings.subject).ok_or_else(|| {
            Trouble::Settings(format!(
                "it shows no {} of people; name another attribute that never changes, or let the account read it",
                self.settings.subject
            ))
        })?;
        Ok(Person {
            subject,
            display_name: text(entry, &self.settings.display_name),
            mail: text(entry, &self.settings.mail),
            group_names: groups.iter().filter_map(|dn| groups::called(dn)).collect(),
            groups,
        })
    }
}

/// Whether the account takes the password.
async fn bind(ldap: &mut Ldap, dn: &str, password: &SecretString) -> Result<bool, Trouble> {
    let bound = ldap.simple_bind(dn, password.expose_secret()).await?;
    match bound.rc {
        0 => Ok(true),
        wrong if WRONG.contains(&wrong) => Ok(false),
        // A referral is a server's word that another one knows: it is not asked.
        10 => Ok(false),
        other => Err(Trouble::Server(format!(
            "the directory answered {other} ({})",
            bound.text
        ))),
    }
}

/// The name of an entry that is not there.
fn nobody(base: &str) -> String {
    match base.is_empty() {
        true => "cn=nobody".to_owned(),
        false => format!("cn=nobody,{base}"),
    }
}

fn text(entry: &SearchEntry, name: &str) -> Option<String> {
    let mut attributes = entry.attrs.iter();
    let (_, values) = attributes.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    values.first().cloned()
}

fn subject(entry: &SearchEntry, name: &str) -> Option<String> {
    if let Some(text) = text(entry, name) {
        return Some(text);
    }
    let mut attributes = entry.bin_attrs.iter();
    let (_, values) = attributes.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    let bytes = values.first()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
