//! identity asks directories.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use watchroom_directory::{Bind, DirectoryError, Groups, Person, Server, Settings, Transport};
use watchroom_identity::config::{LdapGroups, LdapRules};
use watchroom_identity::{Admission, Claims, Directory, DirectoryAway, Identity, Outsider, Provider};
use watchroom_kit::{Ambient, FaultKind, SecretString, Site};

use crate::failure::Failure;

/// One directory, as identity knows it.
#[derive(Debug)]
struct Corporate {
    rules: LdapRules,
    directory: watchroom_directory::Directory,
}

/// Lets people sign in by the directories that the configuration names.
///
/// # Errors
/// If a file that it names cannot be read; the failure names the key.
pub(crate) fn open(identity: &Identity, all: &[LdapRules], ambient: &Ambient) -> Result<(), Failure> {
    let mut directories: Vec<Arc<dyn Directory>> = Vec::new();
    for (at, rules) in all.iter().enumerate() {
        let settings = settings(rules, &format!("identity.ldap[{at}]"))?;
        directories.push(Arc::new(Corporate {
            rules: rules.clone(),
            directory: watchroom_directory::Directory::new(settings, ambient),
        }));
    }
    identity.ask_directories(directories);
    Ok(())
}

fn settings(rules: &LdapRules, key: &str) -> Result<Settings, Failure> {
    let transport = match rules.starttls {
        true => Transport::StartTls,
        false => Transport::Ldaps,
    };
    let server = |(host, port)| Server {
        host,
        port,
        transport,
    };
    let servers = rules.addresses().unwrap_or_default();
    let base = match rules.group_base.is_empty() {
        true => rules.base.clone(),
        false => rules.group_base.clone(),
    };
    Ok(Settings {
        name: rules.name.clone(),
        servers: servers.into_iter().map(server).collect(),
        tls: tls(rules.ca_file.as_deref(), &format!("{key}.ca_file"))?,
        bind: match &rules.bind_password_file {
            Some(file) => Bind::Search {
                dn: rules.bind_dn.clone(),
                password: password(file, &format!("{key}.bind_password_file"))?,
            },
            None => Bind::Direct {
                template: rules.direct.clone(),
            },
        },
        base: rules.base.clone(),
        filter: rules.filter.clone(),
        subject: rules.subject.clone(),
        display_name: rules.display_name.clone(),
        // Read, and not taken over: see `outsider`.
        mail: "mail".to_owned(),
        groups: match rules.groups {
            LdapGroups::Walk => Groups::Walk { base },
            LdapGroups::ActiveDirectory => Groups::ActiveDirectory { base },
            LdapGroups::MemberOf => Groups::MemberOf,
        },
        connect_patience: Duration::from_secs(rules.connect_s.into()),
        patience: Duration::from_secs(rules.answer_s.into()),
        most: usize::try_from(rules.at_once).unwrap_or(usize::MAX),
    })
}

fn wrong(key: &str, file: &Path, why: &str) -> Failure {
    let cause = format!("{key}: {}: {why}", file.display());
    Failure::new(FaultKind::Invalid, cause)
        .next_step("correct the configuration or the file, and start again")
}

/// The way to it is believed by these authorities alone.
fn tls(file: Option<&Path>, key: &str) -> Result<Arc<ClientConfig>, Failure> {
    let file = file.unwrap_or(Path::new(""));
    let pem = fs::read(file).map_err(|error| wrong(key, file, &error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(key, file, &error.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|error| wrong(key, file, &error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong(key, file, "it holds no certificate"));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| wrong(key, file, &error.to_string()))?;
    Ok(Arc::new(
        builder.with_root_certificates(roots).with_no_client_auth(),
    ))
}

fn password(file: &Path, key: &str) -> Result<SecretString, Failure> {
    let text = fs::read_to_string(file).map_err(|error| wrong(key, file, &error.to_string()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    match text.is_empty() {
        true => Err(wrong(
            key,
            file,
            "it is empty; a directory takes an empty password for no sign-in at all",
        )),
        false => Ok(SecretString::from(text)),
    }
}

#[async_trait]
impl Directory for Corporate {
    fn name(&self) -> &str {
        &self.rules.name
    }

    fn title(&self) -> &str {
        self.rules.title()
    }

    fn admission(&self) -> &Admission {
        &self.rules.admit
    }

    async fn prove(
        &self,
        name: &str,
        password: &SecretString,
        from: Site,
    ) -> Result<Option<Outsider>, DirectoryAway> {
        let person = self
            .directory
            .prove(name, password, from)
            .await
            .map_err(|error| self.away(&error))?;
        Ok(person.map(|person| self.outsider(name, person)))
    }

    async fn examine(&self) -> Result<(), DirectoryAway> {
        self.directory.examine().await.map_err(|error| DirectoryAway {
            why: error.to_string(),
        })
    }
}

impl Corporate {
    fn away(&self, error: &DirectoryError) -> DirectoryAway {
        tracing::error!(directory.name = self.rules.name, %error, "nobody can sign in by a directory now");
        DirectoryAway {
            why: error.to_string(),
        }
    }

    fn outsider(&self, name: &str, person: Person) -> Outsider {
        let values = |of: BTreeSet<String>| of.into_iter().collect();
        Outsider {
            provider: Provider::ldap(&self.rules.name),
            realm: self.rules.base.to_lowercase(),
            subject: person.subject,
            user_name: Some(name.to_owned()),
            display_name: person.display_name,
            // What a directory says of addresses, people may often change themselves.
            email: None,
            proven_at: None,
            claims: Claims::from([
                ("groups".to_owned(), values(person.group_names)),
                ("group_dns".to_owned(), values(person.groups)),
            ]),
        }
    }
}
