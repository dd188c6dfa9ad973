//! Programs that sign in by name and password: what their tokens open, how they go on, and what ends them.

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use data_encoding::BASE64URL_NOPAD;
use futures_util::future::join_all;
use serde_json::{Value, json};
use watchroom_identity::{
    ChangePassword, GrantError, Granted, Identity, RefreshError, SecondStepError, SignInError, TokenFault,
    TokenSignIn, UserStatus,
};
use watchroom_kit::{Fault, FaultKind, SecretString};
use watchroom_model::{PageRequest, UserId};
use watchroom_policy::{Reason, Resource, ResourceKind, act};
use watchroom_store::AuditFilter;

use crate::factors::{enrol, shown, strict};
use crate::room::{BROWSER, PASSWORD, Room, cheap, eventually, root, text, trail};

fn typed(name: &str, password: &str, code: Option<&str>) -> TokenSignIn {
    TokenSignIn {
        username: name.to_owned(),
        password: password.into(),
        directory: None,
        code: code.map(Into::into),
    }
}

async fn granted(room: &Room, name: &str) -> Granted {
    let asked = typed(name, PASSWORD, None);
    room.identity.grant_tokens(&trail(), asked).await.unwrap()
}

async fn refreshed(identity: &Identity, token: &SecretString) -> Result<Granted, GrantError> {
    identity.refresh_tokens(&trail(), token).await
}

fn opens(identity: &Identity, granted: &Granted) -> Result<(), TokenFault> {
    identity.access(&text(&granted.access)).map(drop)
}

/// The header or the claims of a token.
fn part(token: &str, which: usize) -> Value {
    let part = token.split('.').nth(which).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_program_acts_for_whoever_signed_it_in_and_for_a_quarter_of_an_hour() {
    let (room, alice) = Room::with_admin().await;
    let granted = granted(&room, "alice").await;
    assert_eq!(
        (granted.expires_in_s, granted.refresh_expires_in_s),
        (900, 30 * 86_400)
    );
    let token = text(&granted.access);
    assert_eq!(
        part(&token, 0),
        json!({ "alg": "HS256", "kid": "first", "typ": "JWT" })
    );
    let claims = part(&token, 1);
    let (family, _) = room.identity.access(&token).unwrap();
    assert_eq!(family.user, alice.session.user);
    assert_eq!(
        (&claims["iss"], &claims["aud"], &claims["sub"], &claims["sid"]),
        (
            &json!("watchroom"),
            &json!("watchroom-api"),
            &json!(family.user.to_string()),
            &json!(family.id.to_string())
        )
    );
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        900
    );
    assert!(
        opens(&room.another().await, &granted).is_ok(),
        "it outlives a restart"
    );
    for secret in [&token, &text(&granted.refresh)] {
        assert!(!room.holds_anywhere(secret));
        assert!(secret.split('.').skip(1).all(|part| !room.holds_anywhere(part)));
    }
    room.pass(14);
    assert!(opens(&room.identity, &granted).is_ok());
    room.pass(1);
    assert_eq!(opens(&room.identity, &granted), Err(TokenFault::Expired));
}

#[tokio::test]
async fn a_program_has_a_fresh_proof_for_ten_minutes_and_a_refresh_is_none() {
    let (room, _) = Room::with_admin().await;
    let granted = granted(&room, "alice").await;
    let on = Resource::all(ResourceKind::User);
    let may = |granted: &Granted| {
        let (family, _) = room.identity.access(&text(&granted.access)).unwrap();
        let asked = room.permit(&family.principal, act::CreateUser, &on);
        asked.map(drop).map_err(|refusal| refusal.reason)
    };
    assert_eq!(may(&granted), Ok(()));
    room.pass(11);
    let next = refreshed(&room.identity, &granted.refresh).await.unwrap();
    assert_eq!(may(&next), Err(Reason::StepUp));
}

#[tokio::test]
async fn no_token_but_ours_opens_whatever_it_says_of_itself() {
    let (room, alice) = Room::with_admin().await;
    let granted = granted(&room, "alice").await;
    let token = text(&granted.access);
    let parts: Vec<&str> = token.split('.').collect();
    let (header, claims, tag) = (parts[0], parts[1], parts[2]);
    let encoded = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let none = encoded(json!({ "alg": "none", "typ": "JWT" }));
    let other = encoded(json!({ "alg": "HS512", "kid": "first", "typ": "JWT" }));
    let mut older = part(&token, 1);
    older["exp"] = json!(i64::MAX);
    let forged = [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{tag}"),
        format!("{other}.{claims}.{tag}"),
        format!("{header}.{}.{tag}", encoded(older)),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{tag}."),
        format!(".{header}.{claims}.{tag}"),
        format!("{header}.{claims}.{tag}="),
        format!("{header}.{claims}.{}", &tag[..tag.len() - 1]),
        format!(" {token}"),
        format!("{token}\n"),
        "..".to_owned(),
        "a".repeat(100_000) + ".b.c",
        text(&granted.refresh),
        text(&alice.cookie) + ".",
    ];
    for forged in forged {
        let opened = room.identity.access(&forged);
        assert!(
            matches!(opened, Err(TokenFault::Malformed)),
            "{forged}: {opened:?}"
        );
    }
    // Every other letter in every place: not one opens.
    for at in 0..token.len() {
        let mut bent = token.clone().into_bytes();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        let bent = String::from_utf8(bent).unwrap();
        assert!(room.identity.access(&bent).is_err(), "{at}");
    }
    assert!(opens(&room.identity, &granted).is_ok());
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_second_use_ends_all() {
    let (room, _) = Room::with_admin().await;
    let first = granted(&room, "alice").await;
    let second = refreshed(&room.identity, &first.refresh).await.unwrap();
    let third = refreshed(&room.identity, &second.refresh).await.unwrap();
    assert_eq!(opens(&room.identity, &third), Ok(()));
    // The oldest of all, not only the last one.
    let reused = refreshed(&room.identity, &first.refresh).await.unwrap_err();
    assert!(matches!(reused, GrantError::Refresh(RefreshError::Reused)));
    for granted in [&first, &second, &third] {
        assert_eq!(opens(&room.identity, granted), Err(TokenFault::Unknown));
        let refused = refreshed(&room.identity, &granted.refresh).await.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.slug(), refused.public()),
            (
                FaultKind::Unauthenticated,
                "refresh-token-invalid",
                reused.public()
            ),
        );
    }
    let log = room.store.audit();
    let page = log
        .page(&AuditFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    let ended: Vec<_> = page
        .items
        .iter()
        .filter(|entry| entry.action == "session.refresh_reused")
        .map(|entry| entry.event_type.word())
        .collect();
    assert_eq!(ended, ["SECURITY"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_uses_at_once_one_succeeds() {
    let (room, _) = Room::with_admin().await;
    let granted = granted(&room, "alice").await;
    let uses = (0..1_000).map(|_| {
        let (identity, token) = (room.identity.clone(), granted.refresh.clone());
        async move { refreshed(&identity, &token).await.is_ok() }
    });
    let won = join_all(uses).await.into_iter().filter(|won| *won);
    assert_eq!(won.count(), 1);
    assert_eq!(
        opens(&room.identity, &granted),
        Err(TokenFault::Unknown),
        "the family ended"
    );
}

#[tokio::test]
async fn no_other_token_refreshes_and_a_month_ends_the_family() {
    let (room, alice) = Room::with_admin().await;
    let granted = granted(&room, "alice").await;
    let cookie = text(&alice.cookie);
    let others = [
        String::new(),
        "wr_ref_".into(),
        "wr_ref_.".into(),
        format!("wr_ref_{cookie}."),
        text(&granted.access),
    ];
    for other in others {
        let refused = refreshed(&room.identity, &other.into()).await.unwrap_err();
        assert!(matches!(refused, GrantError::Refresh(RefreshError::Unknown)));
    }
    assert!(
        room.identity.session(&cookie, Some(BROWSER)).is_some(),
        "nobody's session ended"
    );
    // What names the family is no cookie.
    let refresh = text(&granted.refresh);
    let name = refresh
        .strip_prefix("wr_ref_")
        .unwrap()
        .split('.')
        .next()
        .unwrap();
    assert!(room.identity.session(name, Some(BROWSER)).is_none());
    room.pass(29 * 24 * 60);
    let next = refreshed(&room.identity, &granted.refresh).await.unwrap();
    assert_eq!(next.refresh_expires_in_s, 86_400, "a refresh does not prolong it");
    room.pass(24 * 60);
    let over = refreshed(&room.identity, &next.refresh).await.unwrap_err();
    assert!(matches!(over, GrantError::Refresh(RefreshError::Unknown)));
}

#[tokio::test]
async fn whoever_needs_a_second_factor_gets_nothing_without_its_code() {
    let room = strict().await;
    let alice = room.set_up("alice").await;
    let refused = room
        .identity
        .grant_tokens(&trail(), typed("alice", PASSWORD, None))
        .await;
    assert!(matches!(refused.unwrap_err(), GrantError::ToEnrol));
    let (seed, _) = enrol(&room, &alice.session).await;
    let ask = async |password: &str, code: Option<&str>| {
        room.identity
            .grant_tokens(&trail(), typed("alice", password, code))
            .await
    };
    let needed = ask(PASSWORD, None).await.unwrap_err();
    assert_eq!(
        (needed.kind(), needed.slug()),
        (FaultKind::Unauthenticated, "code-needed")
    );
    // Without the right password nobody learns that a code is needed.
    let wrong = ask("Wrong-Otter7 drums", None).await.unwrap_err();
    let nobody = room
        .identity
        .grant_tokens(&trail(), typed("nobody", PASSWORD, None))
        .await;
    for refused in [wrong, nobody.unwrap_err()] {
        assert!(
            matches!(refused, GrantError::SignIn(SignInError::Wrong { .. })),
            "{refused}"
        );
    }
    let bad = ask(PASSWORD, Some("000000")).await.unwrap_err();
    assert!(
        matches!(bad, GrantError::Second(SecondStepError::Refused(_))),
        "{bad}"
    );
    room.pass(1);
    let code = shown(&room, &seed, 0);
    let granted = ask(PASSWORD, Some(&code)).await.unwrap();
    assert_eq!(opens(&room.identity, &granted), Ok(()));
    assert!(ask(PASSWORD, Some(&code)).await.is_err(), "a code is good once");
}

async fn change_password(room: &Room, name: &str) {
    let browser = room.sign_in(name, PASSWORD).await.unwrap().session;
    let on = Resource::user(browser.user);
    let permit = room.permit(&browser.principal, act::ChangePassword, &on).unwrap();
    let change = ChangePassword {
        old: PASSWORD.into(),
        new: "Amber-Heron4 flute".into(),
        confirm: "Amber-Heron4 flute".into(),
    };
    room.identity
        .change_password(&permit, &browser, change)
        .await
        .unwrap();
}

async fn set_status(room: &Room, user: UserId, status: UserStatus) {
    let permit = room
        .permit(&root(), act::ChangeUser, &Resource::user(user))
        .unwrap();
    room.identity.change_status(&permit, status).await.unwrap();
}

#[tokio::test]
async fn whatever_ends_sessions_ends_programs_at_once_and_for_good() {
    let (room, _) = Room::with_admin().await;
    let vera = room.user("vera", "viewer").await.id;
    let second = room.another().await;

    let granted_one = granted(&room, "vera").await;
    set_status(&room, vera, UserStatus::Disabled).await;
    assert_eq!(opens(&room.identity, &granted_one), Err(TokenFault::Unknown));
    set_status(&room, vera, UserStatus::Active).await;
    assert_eq!(
        opens(&room.identity, &granted_one),
        Err(TokenFault::Unknown),
        "it stays ended"
    );

    let granted_two = granted(&room, "vera").await;
    let (family, _) = room.identity.access(&text(&granted_two.access)).unwrap();
    eventually("the other Host knows it", || opens(&second, &granted_two).is_ok()).await;
    let on = Resource::all(ResourceKind::Session);
    let permit = room.permit(&family.principal, act::SignOut, &on).unwrap();
    room.identity.sign_out(&permit, &family).await.unwrap();
    assert_eq!(opens(&room.identity, &granted_two), Err(TokenFault::Unknown));
    eventually("the other Host knows that too", || {
        opens(&second, &granted_two).is_err()
    })
    .await;

    let granted_three = granted(&room, "vera").await;
    change_password(&room, "vera").await;
    assert_eq!(opens(&room.identity, &granted_three), Err(TokenFault::Unknown));
    for ended in [&granted_one, &granted_two, &granted_three] {
        assert!(refreshed(&room.identity, &ended.refresh).await.is_err());
        assert!(
            opens(&room.another().await, ended).is_err(),
            "after a restart too"
        );
    }
}

#[tokio::test]
async fn a_second_factor_that_comes_later_stops_programs_that_proved_none() {
    let room = strict().await;
    room.user("vera", "viewer").await;
    let granted = granted(&room, "vera").await;
    let browser = room.sign_in("vera", PASSWORD).await.unwrap();
    enrol(&room, &browser.session).await;
    assert_eq!(opens(&room.identity, &granted), Err(TokenFault::Unknown));
    assert!(refreshed(&room.identity, &granted.refresh).await.is_err());
}

#[tokio::test]
async fn a_new_key_of_the_ring_signs_soon_and_what_the_old_one_signed_holds_to_its_end() {
    let (room, _) = Room::with_admin().await;
    let old = granted(&room, "alice").await;
    let permit = room
        .permit(&root(), act::RotateKeys, &Resource::all(ResourceKind::Host))
        .unwrap();
    let rotated = room.identity.rotate_keys(&permit).await.unwrap();
    room.pass(2);
    let new = refreshed(&room.identity, &old.refresh).await.unwrap();
    assert_eq!(part(&text(&new.access), 0)["kid"], rotated.key);
    for identity in [&room.identity, &room.another().await] {
        assert_eq!(opens(identity, &old), Ok(()));
        assert_eq!(opens(identity, &new), Ok(()));
    }
}

#[tokio::test]
async fn what_our_own_key_signed_for_another_purpose_or_time_opens_nothing() {
    const KEY: &str = "Zb7rVq2mXk9tLw4nPc8sHd3gJf6yTa1e";
    let folder = watchroom_testkit_folder::Folder::new();
    let file = folder.path().join("key");
    watchroom_kit::files::replace(&file, KEY.as_bytes(), 0o600).unwrap();
    let mut config = cheap();
    config.jwt.key_file = Some(file);
    let room = Room::with(config).await;
    room.set_up("alice").await;
    let token = text(&granted(&room, "alice").await.access);
    let (header, claims) = (token.split('.').next().unwrap(), part(&token, 1));
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        let signed = format!(
            "{header}.{}",
            BASE64URL_NOPAD.encode(claims.to_string().as_bytes())
        );
        let tag = hmac::sign(&Key::new(HMAC_SHA256, KEY.as_bytes()), signed.as_bytes());
        let token = format!("{signed}.{}", BASE64URL_NOPAD.encode(tag.as_ref()));
        room.identity.access(&token).map(drop)
    };
    assert_eq!(with("iss", claims["iss"].clone()), Ok(()), "nothing was changed");
    let began = claims["nbf"].as_i64().unwrap();
    for (name, value) in [
        ("aud", json!("another-service")),
        ("aud", json!(["watchroom-api", "another-service"])),
        ("iss", json!("another-house")),
        ("nbf", json!(began + 3_600)),
        ("jku", json!("https://example.org/keys")),
    ] {
        assert_eq!(
            with(name, value.clone()),
            Err(TokenFault::Malformed),
            "{name}: {value}"
        );
    }
    assert_eq!(with("exp", json!(began - 1)), Err(TokenFault::Expired));
    let elsewhere = json!(UserId::mint(&room.ambient));
    assert_eq!(with("sub", elsewhere), Err(TokenFault::Unknown));
}

#[tokio::test]
async fn a_key_of_a_file_signs_and_the_one_before_it_still_opens() {
    let folder = watchroom_testkit_folder::Folder::new();
    let file = |name: &str, key: &str| {
        let path = folder.path().join(name);
        watchroom_kit::files::replace(&path, key.as_bytes(), 0o600).unwrap();
        path
    };
    let mut config = cheap();
    config.jwt.key_file = Some(file("one", "Zb7rVq2mXk9tLw4nPc8sHd3gJf6yTa1e\n"));
    let mut room = Room::with(config.clone()).await;
    room.set_up("alice").await;
    let old = granted(&room, "alice").await;
    room.config.jwt.previous_key_file = config.jwt.key_file.take();
    room.config.jwt.key_file = Some(file("two", "Qe5uNx8cRb3vMz7kDp2wGs9hYj4fLt6a\n"));
    let after = room.another().await;
    let new = refreshed(&after, &old.refresh).await.unwrap();
    assert_ne!(part(&text(&new.access), 0), part(&text(&old.access), 0));
    assert_eq!((opens(&after, &old), opens(&after, &new)), (Ok(()), Ok(())));
    assert_eq!(
        opens(&room.identity, &new),
        Err(TokenFault::Malformed),
        "it has the old key alone"
    );
}
