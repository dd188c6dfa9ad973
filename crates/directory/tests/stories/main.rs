//! A directory is asked, as it really answers: Debian's slapd over TLS, and servers that do not answer as they should.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpListener;
use watchroom_directory::{Bind, Directory, DirectoryError, Groups, Person, Server, Settings, Transport};
use watchroom_kit::{Ambient, SecretString, Site};
use watchroom_testkit_directory::{BASE, GROUPS, PASSWORD, PEOPLE, READER, READER_PASSWORD, TestDirectory};

fn tls(ca: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

fn at(host: &str, port: u16, transport: Transport) -> Server {
    Server {
        host: host.to_owned(),
        port,
        transport,
    }
}

fn settings(server: &TestDirectory) -> Settings {
    Settings {
        name: "test".to_owned(),
        servers: vec![at("localhost", server.ldaps, Transport::Ldaps)],
        tls: tls(&server.ca),
        bind: Bind::Search {
            dn: READER.to_owned(),
            password: READER_PASSWORD.into(),
        },
        base: PEOPLE.to_owned(),
        filter: "(&(objectClass=inetOrgPerson)(uid={name}))".to_owned(),
        subject: "entryUUID".to_owned(),
        display_name: "displayName".to_owned(),
        mail: "mail".to_owned(),
        groups: Groups::Walk {
            base: GROUPS.to_owned(),
        },
        connect_patience: Duration::from_secs(5),
        patience: Duration::from_secs(20),
        most: 4,
    }
}

async fn prove(settings: Settings, name: &str, password: &str) -> Result<Option<Person>, DirectoryError> {
    let ambient = Ambient::system();
    let proven = Directory::new(settings, &ambient)
        .prove(name, &SecretString::from(password), Site::default())
        .await;
    assert!(ambient.tasks.shutdown(Duration::from_secs(5)).await);
    proven
}

fn names(person: &Person) -> Vec<&str> {
    person.group_names.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn a_person_is_found_with_groups_in_groups_over_either_way_of_tls() {
    let server = TestDirectory::start();
    for (port, transport) in [
        (server.ldaps, Transport::Ldaps),
        (server.ldap, Transport::StartTls),
    ] {
        let mut settings = settings(&server);
        settings.servers = vec![at("localhost", port, transport)];
        let ann = prove(settings.clone(), "ann", PASSWORD).await.unwrap().unwrap();
        assert_eq!(ann.display_name.as_deref(), Some("Ann Example"));
        assert_eq!(ann.mail.as_deref(), Some("ann@example.org"));
        assert_eq!(names(&ann), ["all", "crew", "ops", "radio"]);
        assert!(ann.groups.contains(&format!("cn=crew,{GROUPS}")));
        assert_eq!(ann.subject.len(), 36, "{}", ann.subject);
        let bob = prove(settings.clone(), "bob", PASSWORD).await.unwrap().unwrap();
        assert_eq!(
            names(&bob),
            ["all", "crew", "ops"],
            "crew is in all, and all in ops"
        );
        assert_ne!(bob.subject, ann.subject);
        let cleo = prove(settings, "cleo", PASSWORD).await.unwrap().unwrap();
        assert!(cleo.groups.is_empty());
    }
}

#[tokio::test]
async fn more_groups_than_the_directory_gives_at_once_keep_nobody_out() {
    let server = TestDirectory::start();
    let groups: String = (0..510)
        .map(|number| {
            format!(
                "dn: cn=list-{number},{GROUPS}\nchangetype: add\nobjectClass: groupOfNames\ncn: list-{number}\nmember: uid=cleo,{PEOPLE}\n\n"
            )
        })
        .collect();
    server.change(&groups);
    let cleo = prove(settings(&server), "cleo", PASSWORD).await.unwrap().unwrap();
    assert!(cleo.groups.len() >= 400, "{}", cleo.groups.len());
}

#[tokio::test]
async fn a_person_may_prove_the_password_at_once() {
    let server = TestDirectory::start();
    let mut settings = settings(&server);
    settings.bind = Bind::Direct {
        template: format!("uid={{name}},{PEOPLE}"),
    };
    settings.groups = Groups::MemberOf;
    let ann = prove(settings.clone(), "ann", PASSWORD).await.unwrap().unwrap();
    assert_eq!(ann.mail.as_deref(), Some("ann@example.org"));
    assert_eq!(prove(settings.clone(), "ann", "wrong").await, Ok(None));
    assert_eq!(
        prove(settings, "reader,dc=example,dc=org", READER_PASSWORD).await,
        Ok(None)
    );
}

#[tokio::test]
async fn a_wrong_password_an_unknown_name_and_an_empty_password_are_nobody() {
    let server = TestDirectory::start();
    for (name, password) in [
        ("ann", "wrong"),
        ("ann", ""),
        ("nobody", PASSWORD),
        ("nobody", ""),
        ("", PASSWORD),
        (" ann", PASSWORD),
        ("ann\n", PASSWORD),
    ] {
        assert_eq!(
            prove(settings(&server), name, password).await,
            Ok(None),
            "{name:?} {password:?}"
        );
    }
}

#[tokio::test]
async fn an_empty_password_is_refused_before_anybody_is_asked() {
    let server = TestDirectory::start();
    let mut settings = settings(&server);
    // Nobody listens there: whoever asked would hear that.
    settings.servers = vec![at("localhost", 1, Transport::Ldaps)];
    assert_eq!(prove(settings.clone(), "ann", "").await, Ok(None));
    assert!(matches!(
        prove(settings, "ann", "x").await,
        Err(DirectoryError::Away(_))
    ));
}

#[tokio::test]
async fn what_is_typed_is_no_part_of_the_filter() {
    let server = TestDirectory::start();
    for name in [
        "*",
        "a*",
        "ann)(uid=*",
        "*)(|(uid=*",
        r"\2a",
        "ann)(objectClass=*",
        r"ann\00",
        "(uid=ann)",
    ] {
        assert_eq!(prove(settings(&server), name, PASSWORD).await, Ok(None), "{name}");
    }
}

#[tokio::test]
async fn a_referral_to_elsewhere_is_not_followed() {
    let server = TestDirectory::start();
    let mut settings = settings(&server);
    settings.filter = "(uid={name})".to_owned();
    assert_eq!(prove(settings.clone(), "away", PASSWORD).await, Ok(None));
    settings.bind = Bind::Direct {
        template: format!("uid={{name}},{PEOPLE}"),
    };
    assert_eq!(prove(settings.clone(), "away", PASSWORD).await, Ok(None));
    // Where the whole tree is said to be elsewhere too.
    settings.base = format!("uid=away,{PEOPLE}");
    assert_eq!(prove(settings, "away", PASSWORD).await, Ok(None));
}

#[tokio::test]
async fn groups_of_unix_name_people_by_their_uid_and_not_by_what_they_typed() {
    let server = TestDirectory::start();
    let mut settings = settings(&server);
    settings.filter = "(mail={name})".to_owned();
    let ann = prove(settings.clone(), "ann@example.org", PASSWORD).await;
    assert_eq!(names(&ann.unwrap().unwrap()), ["all", "crew", "ops", "radio"]);
    let bob = prove(settings, "bob@example.org", PASSWORD).await;
    assert_eq!(names(&bob.unwrap().unwrap()), ["all", "crew", "ops"]);
}

#[tokio::test]
async fn a_certificate_of_another_ca_or_for_another_name_is_refused() {
    let (server, other) = (TestDirectory::start(), TestDirectory::start());
    for transport in [Transport::Ldaps, Transport::StartTls] {
        let port = if transport == Transport::Ldaps {
            server.ldaps
        } else {
            server.ldap
        };
        let mut settings = settings(&server);
        settings.servers = vec![at("localhost", port, transport)];
        settings.tls = tls(&other.ca);
        let refused = prove(settings.clone(), "ann", PASSWORD).await;
        assert!(matches!(refused, Err(DirectoryError::Away(_))), "{refused:?}");
        settings.tls = tls(&server.ca);
        settings.servers = vec![at("127.0.0.1", port, transport)];
        let refused = prove(settings, "ann", PASSWORD).await;
        assert!(matches!(refused, Err(DirectoryError::Away(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn another_server_stands_in_for_one_that_is_away_or_silent() {
    let server = TestDirectory::start();
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut settings = settings(&server);
    settings.connect_patience = Duration::from_millis(300);
    let port = silent.local_addr().unwrap().port();
    settings
        .servers
        .insert(0, at("localhost", port, Transport::Ldaps));
    settings.servers.insert(0, at("localhost", 1, Transport::Ldaps));
    // The servers that did not answer are asked last from then on; the one that did has as long as the machine needs.
    let ambient = Ambient::system();
    let directory = Directory::new(settings, &ambient);
    let mut found = None;
    for _ in 0..20 {
        if let Ok(person) = directory
            .prove("ann", &SecretString::from(PASSWORD), Site::default())
            .await
        {
            found = person;
            break;
        }
    }
    assert!(found.is_some());
    assert!(ambient.tasks.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_directory_that_is_silent_is_given_up_and_lets_only_so_many_wait() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let server = TestDirectory::start();
    let mut settings = settings(&server);
    settings.servers = vec![at(
        "localhost",
        silent.local_addr().unwrap().port(),
        Transport::Ldaps,
    )];
    settings.connect_patience = Duration::from_secs(60);
    settings.patience = Duration::from_secs(2);
    settings.most = 4;
    let ambient = Ambient::system();
    let directory = Directory::new(settings, &ambient);
    let asked = (0..20).map(|_| async {
        let password = SecretString::from(PASSWORD);
        directory.prove("ann", &password, Site::default()).await
    });
    let answers = futures_util::future::join_all(asked).await;
    let busy = answers
        .iter()
        .filter(|answer| **answer == Err(DirectoryError::Busy))
        .count();
    let away = answers
        .iter()
        .filter(|answer| matches!(answer, Err(DirectoryError::Away(_))))
        .count();
    assert_eq!((busy, away), (3, 17), "{answers:?}");
    assert!(ambient.tasks.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn an_account_of_ours_that_is_not_taken_is_told_as_what_it_is() {
    let server = TestDirectory::start();
    let mut settings = settings(&server);
    settings.bind = Bind::Search {
        dn: READER.to_owned(),
        password: "changed".into(),
    };
    let refused = prove(settings.clone(), "ann", PASSWORD).await;
    assert!(matches!(refused, Err(DirectoryError::Unusable(_))), "{refused:?}");
    settings = self::settings(&server);
    settings.subject = "noSuchAttribute".to_owned();
    settings.base = BASE.to_owned();
    let refused = prove(settings, "ann", PASSWORD).await;
    assert!(matches!(refused, Err(DirectoryError::Unusable(_))), "{refused:?}");
}
