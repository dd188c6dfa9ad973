//! From an empty room to a running server, and to none again.

use std::time::Duration;

use http::StatusCode;

use crate::room::{Browser, PASSWORD, Room};

/// A server as the form makes it; its page.
async fn created(room: &Room, alice: &mut Browser) -> String {
    let fields = [
        ("name", "echo"),
        ("command", "/bin/cat\r\n-u"),
        ("node", "harbour"),
        ("labels", "note=<i>"),
    ];
    let answer = alice.submit(room, "/servers/new", "/servers/new", &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.html);
    answer.to
}

#[tokio::test]
async fn a_server_is_created_started_and_spoken_to() {
    let (room, mut alice) = Room::with_alice().await;
    assert!(
        alice
            .get(&room, "/servers")
            .await
            .html
            .contains("Create the first server")
    );
    let page = created(&room, &mut alice).await;
    let shown = alice.get(&room, &page).await.html;
    assert!(
        shown.contains("echo is there.") && shown.contains("note = &#60;i&#62;"),
        "{shown}"
    );
    assert!(
        shown.contains("&#60;script&#62;hi") && !shown.contains("<script>"),
        "{shown}"
    );
    let started = alice.submit(&room, &page, &format!("{page}/start"), &[]).await;
    assert_eq!(started.to, page);
    let shown = alice.get(&room, &page).await.html;
    assert!(
        shown.contains("Told echo to start.") && shown.contains("ordered by alice &#60;b&#62;&#38;"),
        "{shown}"
    );
    let sent = alice
        .submit(&room, &page, &format!("{page}/send"), &[("line", "hello")])
        .await;
    assert_eq!(sent.to, page);
    let stopped = alice
        .submit(
            &room,
            "/servers",
            &format!("{page}/stop"),
            &[("back", "/servers")],
        )
        .await;
    assert_eq!(stopped.to, "/servers");
}

#[tokio::test]
async fn a_live_part_comes_without_the_page_around_it() {
    let (room, mut alice) = Room::with_alice().await;
    let page = created(&room, &mut alice).await;
    for path in ["/", "/nodes", "/servers", &page] {
        let part = alice.fragment(&room, path).await.html;
        assert!(
            part.contains("data-live=") && !part.contains("<html"),
            "{path}: {part}"
        );
    }
    assert!(
        alice.get(&room, "/servers").await.html.contains("echo is there."),
        "no fragment eats the message"
    );
}

#[tokio::test]
async fn a_faulty_form_keeps_what_was_typed() {
    let (room, mut alice) = Room::with_alice().await;
    let fields = [
        ("name", "two words"),
        ("command", "/bin/cat"),
        ("node", "harbour"),
        ("memory_mib", "much"),
    ];
    let answer = alice.submit(&room, "/servers/new", "/servers/new", &fields).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.html.contains("value=\"two words\"") && answer.html.contains("a whole number is wanted"));
    created(&room, &mut alice).await;
    let fields = [("name", "echo"), ("command", "/bin/cat"), ("node", "harbour")];
    let taken = alice.submit(&room, "/servers/new", "/servers/new", &fields).await;
    assert_eq!(taken.status, StatusCode::CONFLICT, "{}", taken.html);
}

#[tokio::test]
async fn removing_asks_for_the_name_and_for_a_fresh_proof() {
    let (room, mut alice) = Room::with_alice().await;
    let page = created(&room, &mut alice).await;
    let remove = format!("{page}/remove");
    room.ambient.clock.advance(Duration::from_secs(700));
    let wrong_name = alice
        .submit(
            &room,
            &page,
            &remove,
            &[("confirm_name", "ecco"), ("password", PASSWORD)],
        )
        .await;
    assert_eq!(wrong_name.status, StatusCode::BAD_REQUEST);
    assert!(wrong_name.html.contains("value=\"ecco\""));
    let unproven = alice
        .submit(
            &room,
            &page,
            &remove,
            &[("confirm_name", "echo"), ("password", "no")],
        )
        .await;
    assert!(
        unproven.html.contains("that is not your password"),
        "{}",
        unproven.html
    );
    let done = alice
        .submit(
            &room,
            &page,
            &remove,
            &[("confirm_name", "echo"), ("password", PASSWORD)],
        )
        .await;
    assert_eq!(done.to, "/servers", "{}", done.html);
    assert!(
        alice
            .get(&room, "/servers")
            .await
            .html
            .contains("echo was removed.")
    );
    assert_eq!(alice.get(&room, &page).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_not_there_is_a_page_with_the_request_id() {
    let (room, mut alice) = Room::with_alice().await;
    for path in ["/servers/nonsense", "/nodes/0199a4c1-7e2b-7c3d-8e4f-001122334455"] {
        let answer = alice.get(&room, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(
            answer.html.contains("There is nothing here") && answer.html.contains("Request <code>"),
            "{path}"
        );
    }
}
