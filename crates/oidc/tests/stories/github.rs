//! GitHub, as an Enterprise Server of one's own speaks.

use serde_json::json;
use watchroom_kit::Clock;
use watchroom_oidc::{CameBack, Kind, OidcError, Provider, Settings};

use crate::evil::{Evil, came, here, journey};

fn github(evil: &Evil) -> Provider {
    evil.bend(|script| {
        script.token_answer = Some((
            200,
            json!({ "access_token": "gho", "token_type": "bearer" }).to_string(),
        ));
        let user = json!({
            "id": 42, "login": "ann", "name": "Ann Bee", "email": "public@example.org",
            "emails": [
                { "email": "other@example.org", "primary": false, "verified": true },
                { "email": "ann@example.org", "primary": true, "verified": true },
            ],
            "orgs": [{ "login": "harbour" }],
        });
        script.userinfo = user.as_object().unwrap().clone();
    });
    let settings = Settings {
        kind: Kind::GitHub,
        ..evil.settings()
    };
    Provider::new(settings, evil.roots(), Clock::system())
}

#[tokio::test]
async fn somebody_is_known_by_number_with_a_verified_address_and_organisations() {
    let evil = Evil::open().await;
    let provider = github(&evil);
    let address = provider.begin(&journey(), here()).await.unwrap();
    assert!(address.starts_with(&format!("{}/login/oauth/authorize?", evil.issuer)));
    assert!(address.contains("code_challenge_method=S256") && !address.contains("nonce"));
    let known = provider.finish(&journey(), &came(), here()).await.unwrap();
    assert_eq!(
        (known.subject.as_str(), known.user_name.as_deref()),
        ("42", Some("ann"))
    );
    assert_eq!(known.email.as_deref(), Some("ann@example.org"));
    assert_eq!(known.claims["groups"], ["harbour"]);

    evil.bend(|script| script.userinfo["emails"][1]["verified"] = json!(false));
    assert_eq!(
        provider.finish(&journey(), &came(), here()).await.unwrap().email,
        None
    );
}

#[tokio::test]
async fn a_bad_code_comes_with_status_200_and_is_bad_all_the_same() {
    let evil = Evil::open().await;
    let provider = github(&evil);
    evil.bend(|script| {
        script.token_answer = Some((200, json!({ "error": "bad_verification_code" }).to_string()));
    });
    let error = provider.finish(&journey(), &came(), here()).await.unwrap_err();
    assert_eq!(error, OidcError::Refused("bad_verification_code".into()));
    let mixed = CameBack {
        iss: Some("https://id.example".into()),
        ..came()
    };
    assert!(provider.finish(&journey(), &mixed, here()).await.is_err());
}
