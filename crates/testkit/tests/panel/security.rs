//! The page where people are kept out: banning, lifting, and what is held until it is confirmed.

use http::StatusCode;

use super::room::Room;

/// The path of the first form whose action ends with this.
fn action(html: &str, ending: &str) -> String {
    let mut actions = html
        .split("action=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let found = actions.find(|action| action.ends_with(ending));
    found
        .unwrap_or_else(|| panic!("no {ending} in {html}"))
        .to_owned()
}

#[tokio::test]
async fn a_ban_is_made_and_lifted_on_the_page() {
    let (room, mut alice) = Room::with_alice().await;
    assert!(
        alice
            .get(&room, "/security")
            .await
            .html
            .contains("Nobody is kept out.")
    );
    let fields = [
        ("network", "198.51.100.7"),
        ("reason", "scans <b>"),
        ("hours", "24"),
    ];
    let made = alice.submit(&room, "/security", "/security/bans", &fields).await;
    assert_eq!(made.to, "/security", "{}", made.html);
    let page = alice.get(&room, "/security").await.html;
    assert!(
        page.contains("198.51.100.7/32") && page.contains("scans &#60;b&#62;"),
        "{page}"
    );
    assert!(page.contains("shield.allowed_networks.administration"), "{page}");
    let lift = action(&page, "/lift");
    alice.submit(&room, "/security", &lift, &[]).await;
    assert!(
        !alice
            .get(&room, "/security")
            .await
            .html
            .contains("198.51.100.7/32</code>")
    );
}

#[tokio::test]
async fn a_slip_is_held_and_what_is_wrong_stands_at_its_field() {
    let (room, mut alice) = Room::with_alice().await;
    let slip = [("network", "127.0.0.0/8"), ("reason", "slip"), ("hours", "1")];
    alice.submit(&room, "/security", "/security/bans", &slip).await;
    let page = alice.get(&room, "/security").await.html;
    assert!(
        page.contains(">held</span>") && page.contains("this machine"),
        "{page}"
    );
    let confirm = action(&page, "/confirm");
    let confirmed = alice.submit(&room, "/security", &confirm, &[]).await;
    assert_eq!(confirmed.to, "/security");
    assert!(!alice.get(&room, "/security").await.html.contains(">held</span>"));
    let wrong = [("network", "everybody"), ("reason", "kept words")];
    let again = alice.submit(&room, "/security", "/security/bans", &wrong).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.html.contains("kept words") && again.html.contains("an address or a network"));
}

#[tokio::test]
async fn the_page_shows_what_was_found_and_what_to_do_and_the_limits_in_force() {
    let (room, mut alice) = Room::with_alice().await;
    let page = alice.get(&room, "/security").await.html;
    for told in [
        "Disk",
        "3 MiB free &#60;b&#62;",
        "make room",
        "Limits in force",
        "Nobody's sign-in is locked.",
    ] {
        assert!(
            page.contains(told) || page.contains(&told.replace('\'', "&#39;")),
            "{told}: {page}"
        );
    }
    assert!(page.contains("<span class=\"badge bad\">bad</span>"), "{page}");
}

#[tokio::test]
async fn a_certificate_is_shown_with_whose_it_is_how_long_it_holds_and_what_is_wrong() {
    let (room, mut alice) = Room::with_alice().await;
    let page = alice.get(&room, "/security").await.html;
    for told in [
        "AB:CD",
        "watch.example, 192.0.2.4",
        "given by an administrator: <code>CN=Some &#60;CA&#62;</code>",
        "3 days left",
        "it ends in 3 days (fewer than 14); renew it",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
}

#[tokio::test]
async fn a_lockout_is_listed_and_lifted_on_the_page() {
    let (room, mut alice) = Room::with_alice().await;
    let trail = watchroom_policy::Trail {
        source_ip: Some([198, 51, 100, 7].into()),
        ..Default::default()
    };
    for _ in 0..5 {
        let sign_in = watchroom_identity::SignIn {
            username: "alice".to_owned(),
            password: "wrong".into(),
            remember_me: false,
            device: None,
        };
        assert!(room.identity.sign_in(&trail, sign_in).await.is_err());
    }
    let page = alice.get(&room, "/security").await.html;
    assert!(page.contains("198.51.100.0/24"), "{page}");
    let lift = action(&page, "/lift");
    assert!(lift.starts_with("/security/lockouts/"), "{lift}");
    let lifted = alice.submit(&room, "/security", &lift, &[]).await;
    assert_eq!(lifted.to, "/security");
    assert!(
        !alice
            .get(&room, "/security")
            .await
            .html
            .contains("198.51.100.0/24")
    );
}

#[tokio::test]
async fn bans_of_fail2ban_stand_on_a_page_of_their_own_and_are_lifted_there() {
    let (room, mut alice) = Room::with_alice().await;
    let page = alice.get(&room, "/security").await.html;
    assert!(page.contains("href=\"/security/fail2ban\""), "{page}");
    let page = alice.get(&room, "/security/fail2ban").await.html;
    for address in ["198.51.100.7", "2001:db8::5"] {
        assert!(page.contains(&format!("<code>{address}</code>")), "{page}");
    }
    assert!(page.contains("watchroom ban list --fail2ban"), "{page}");
    let lift = "/security/fail2ban/lift";
    let strange = [("address", "--all")];
    let answer = alice.submit(&room, "/security/fail2ban", lift, &strange).await;
    assert_eq!(answer.to, "/security/fail2ban", "{}", answer.html);
    let page = alice.get(&room, "/security/fail2ban").await.html;
    assert!(page.contains("An address or a network"), "{page}");
    let fields = [("address", "198.51.100.7")];
    alice.submit(&room, "/security/fail2ban", lift, &fields).await;
    let page = alice.get(&room, "/security/fail2ban").await.html;
    assert!(page.contains("198.51.100.7 is let out"), "{page}");
}
