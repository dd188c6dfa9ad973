use std::time::Duration;

use watchroom_mail::config::Protection;
use watchroom_mail::{Config, OpenError, Pace, SendError};
use watchroom_testkit_folder::Folder;
use watchroom_testkit_mail::{Letter, MailServer, Manner};

use super::room::{QUICK, Room, towards};

fn has(letter: &Letter, header: &str) -> bool {
    letter.headers.lines().any(|line| line == header)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_goes_by_starttls_and_by_tls_with_a_password() {
    for (manner, protection) in [
        (Manner::StartTls, Protection::StartTls),
        (Manner::Tls, Protection::Tls),
    ] {
        let server = MailServer::start(manner);
        let room = Room::open(towards(&server, protection)).await;
        room.write("ada@home.example", "kj4x").await;
        let letter = server.until(1).remove(0);
        assert_eq!(letter.recipient, "ada@home.example");
        assert!(has(&letter, "From: watchroom@host.example"), "{letter:?}");
        assert!(has(&letter, "To: ada@home.example"), "{letter:?}");
        assert!(
            has(&letter, "Subject: Your sign-in link (host.example:7443)"),
            "{letter:?}"
        );
        assert!(has(&letter, "Auto-Submitted: auto-generated"), "{letter:?}");
        assert!(
            letter.headers.contains("@host.example>"),
            "an id of ours: {letter:?}"
        );
        assert!(
            letter
                .text
                .contains("    https://host.example:7443/login/magic#code=kj4x\n"),
            "{letter:?}"
        );
        room.until("nothing waits", |state| state.waiting == 0).await;
        room.test().await.unwrap();
        assert_eq!(server.letters().len(), 2);
        room.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_this_machine_may_do_without() {
    let server = MailServer::start(Manner::Clear);
    let room = Room::open(towards(&server, Protection::None)).await;
    room.write("ada@home.example", "kj4x").await;
    assert_eq!(server.until(1).len(), 1);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_told_nothing() {
    let server = MailServer::start(Manner::Clear);
    let room = Room::open(towards(&server, Protection::StartTls)).await;
    room.write("ada@home.example", "kj4x").await;
    let refused = room.test().await.unwrap_err();
    assert!(matches!(refused, SendError::Server(_)), "{refused:?}");
    room.until("it is told", |state| state.trouble.is_some()).await;
    assert_eq!(server.letters(), []);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_somebody_else_is_not_believed() {
    let (server, other) = (
        MailServer::start(Manner::StartTls),
        MailServer::start(Manner::Tls),
    );
    for (server, stranger, protection) in [
        (&server, &other, Protection::StartTls),
        (&other, &server, Protection::Tls),
    ] {
        let config = Config {
            ca_file: stranger.authority(),
            ..towards(server, protection)
        };
        let room = Room::open(config).await;
        let refused = room.test().await.unwrap_err();
        assert!(matches!(refused, SendError::Server(_)), "{refused:?}");
        assert!(refused.to_string().contains("certificate"), "{refused}");
        assert_eq!(server.letters(), []);
        room.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_a_matter_of_the_server_and_costs_no_letter() {
    let server = MailServer::start(Manner::StartTls);
    let config = Config {
        user: Some("mallory".into()),
        ..towards(&server, Protection::StartTls)
    };
    let room = Room::open(config).await;
    room.write("ada@home.example", "kj4x").await;
    let refused = room.test().await.unwrap_err();
    assert!(matches!(refused, SendError::Server(_)), "{refused:?}");
    let state = room.until("it is told", |state| state.trouble.is_some()).await;
    assert_eq!((state.waiting, state.given_up), (1, 0));
    let right = towards(&server, Protection::StartTls);
    let room = room.again(right).await;
    assert_eq!(server.until(1)[0].recipient, "ada@home.example");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_survives_the_end_of_the_host_and_of_the_server() {
    let mut server = MailServer::start(Manner::StartTls);
    let config = towards(&server, Protection::StartTls);
    let room = Room::open(config.clone()).await;
    server.stop();
    for n in 0..3 {
        room.write(&format!("crew{n}@home.example"), "kj4x").await;
    }
    room.until("it is told", |state| state.trouble.is_some()).await;
    let room = room.again(config).await;
    let state = room.mail.state().await.unwrap();
    assert_eq!(state.waiting, 3);
    server.start_again(Manner::StartTls);
    let mut recipients: Vec<_> = server
        .until(3)
        .into_iter()
        .map(|letter| letter.recipient)
        .collect();
    recipients.sort();
    assert_eq!(
        recipients,
        ["crew0@home.example", "crew1@home.example", "crew2@home.example"]
    );
    let state = room.until("nothing waits", |state| state.waiting == 0).await;
    assert_eq!((state.trouble, state.given_up), (None, 0));
    assert_eq!(server.letters().len(), 3, "each came once");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_delays_nobody() {
    let mut server = MailServer::start(Manner::Silent);
    // Whoever waited for it would wait until the test is given up.
    let slow = Pace {
        patience: Duration::from_secs(3_600),
        ..QUICK
    };
    let room = Room::at(towards(&server, Protection::StartTls), slow).await;
    room.write("first@home.example", "kj4x").await;
    for n in 0..50 {
        room.write(&format!("crew{n}@home.example"), "kj4x").await;
    }
    assert_eq!(room.mail.state().await.unwrap().waiting, 51);
    server.stop();
    server.start_again(Manner::StartTls);
    assert_eq!(server.until(51).len(), 51);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_a_server_that_says_nothing_ends() {
    let server = MailServer::start(Manner::Silent);
    let room = Room::open(towards(&server, Protection::StartTls)).await;
    let refused = room.test().await.unwrap_err();
    assert!(matches!(refused, SendError::Silent), "{refused:?}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_refused_for_now_is_tried_again_and_others_pass_it() {
    let server = MailServer::start(Manner::Busy);
    let room = Room::open(towards(&server, Protection::StartTls)).await;
    room.write("ada@home.example", "kj4x").await;
    room.write("bob@home.example", "kj4x").await;
    let mut recipients: Vec<_> = server
        .until(2)
        .into_iter()
        .map(|letter| letter.recipient)
        .collect();
    recipients.sort();
    assert_eq!(recipients, ["ada@home.example", "bob@home.example"]);
    let state = room.until("nothing waits", |state| state.waiting == 0).await;
    assert_eq!(state.given_up, 0);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_letters_that_nobody_takes_for_now_keep_no_other_waiting() {
    let server = MailServer::start(Manner::StartTls);
    let room = Room::open(towards(&server, Protection::StartTls)).await;
    for number in 0..120 {
        room.write(&format!("full-{number}@home.example"), "kj4x").await;
    }
    room.write("ada@home.example", "kj4x").await;
    assert_eq!(server.until(1)[0].recipient, "ada@home.example");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_nobody_takes_is_given_up_with_its_reason_and_its_secret_is_gone() {
    let server = MailServer::start(Manner::StartTls);
    let room = Room::open(towards(&server, Protection::StartTls)).await;
    room.write("nobody@home.example", "kj4x").await;
    room.write("ada@home.example", "kj4x").await;
    assert_eq!(server.until(1)[0].recipient, "ada@home.example");
    let state = room.until("it is given up", |state| state.given_up == 1).await;
    assert!(
        state
            .given_up_because
            .unwrap()
            .contains("there is nobody of that name"),
        "the server's words"
    );
    room.until("nothing waits", |state| state.waiting == 0).await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_given_up_after_its_time() {
    let mut server = MailServer::start(Manner::StartTls);
    let short = Pace {
        gives_up: Duration::from_millis(500),
        ..QUICK
    };
    let room = Room::at(towards(&server, Protection::StartTls), short).await;
    server.stop();
    room.write("ada@home.example", "kj4x").await;
    let state = room.until("it is given up", |state| state.given_up == 1).await;
    assert_eq!(state.waiting, 0);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blank_letter_costs_as_much_and_reaches_nobody() {
    let server = MailServer::start(Manner::StartTls);
    let room = Room::open(towards(&server, Protection::StartTls)).await;
    room.write_blank("eve@home.example").await;
    room.write("ada@home.example", "kj4x").await;
    assert_eq!(server.until(1)[0].recipient, "ada@home.example");
    let state = room.until("nothing waits", |state| state.waiting == 0).await;
    assert_eq!(state.given_up, 0);
    assert_eq!(server.letters().len(), 1);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hosts_on_a_database_one_carries_a_letter() {
    let server = MailServer::start(Manner::StartTls);
    let config = towards(&server, Protection::StartTls);
    let room = Room::open(config.clone()).await;
    let other = Room::mail(&room.store, config, QUICK, &room.ambient).unwrap();
    for n in 0..10 {
        room.write(&format!("crew{n}@home.example"), "kj4x").await;
    }
    let count = server.until(10).len();
    room.until("nothing waits", |state| state.waiting == 0).await;
    assert_eq!((count, server.letters().len()), (10, 10));
    assert!(other.is_on());
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_there_is_no_mail_and_no_letter() {
    let room = Room::open(Config::default()).await;
    assert!(!room.mail.is_on());
    let refused = room.test().await.unwrap_err();
    assert!(matches!(refused, SendError::Off), "{refused:?}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_used_is_named_at_the_start() {
    let server = MailServer::start(Manner::StartTls);
    let room = Room::open(Config::default()).await;
    let folder = Folder::new();
    let missing = Config {
        password_file: Some(folder.path().join("missing")),
        ..towards(&server, Protection::StartTls)
    };
    let refused = Room::mail(&room.store, missing, QUICK, &room.ambient).unwrap_err();
    assert!(matches!(refused, OpenError::File { .. }), "{refused}");
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "no certificate").unwrap();
    let foreign = Config {
        ca_file: empty,
        ..towards(&server, Protection::StartTls)
    };
    let refused = Room::mail(&room.store, foreign, QUICK, &room.ambient).unwrap_err();
    assert!(refused.to_string().contains("ca_file"), "{refused}");
    room.close().await;
}
