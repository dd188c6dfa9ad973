//! What a provider may say without being believed, and what is asked of one that is.

use std::time::Duration;

use data_encoding::BASE64;
use futures_util::future::join_all;
use serde_json::{Value, json};
use watchroom_kit::{Clock, Fault, FaultKind, Site};
use watchroom_oidc::{Algorithm, CameBack, Known, OidcError, Provider, Roots, Settings};

use crate::evil::{CLIENT, Evil, SECRET, Script, Sign, came, here, journey};

async fn finish(evil: &Evil) -> Result<Known, OidcError> {
    evil.provider().finish(&journey(), &came(), here()).await
}

fn untrue(result: Result<Known, OidcError>) -> &'static str {
    match result {
        Err(OidcError::Untrue(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_honest_provider_is_believed_whatever_it_signs_with() {
    let evil = Evil::open().await;
    for sign in [Sign::Rs256, Sign::Es256, Sign::EdDsa] {
        evil.bend(|script| script.sign = sign);
        let known = finish(&evil).await.unwrap();
        assert_eq!(
            (known.realm.as_str(), known.subject.as_str()),
            (evil.issuer.as_str(), "4711")
        );
        assert_eq!(known.email.as_deref(), Some("ann@example.org"));
        assert_eq!(known.claims["groups"], ["ops"]);
    }
    let asked = evil.asked("/token");
    let basic = format!(
        "basic {}",
        BASE64
            .encode(format!("{CLIENT}:between+us%26%3D").as_bytes())
            .to_lowercase()
    );
    assert!(asked[0].contains(&basic), "{}", asked[0]);
    assert!(!asked[0].contains(SECRET) && asked[0].contains(&format!("code_verifier={}", "v".repeat(43))));
    assert!(evil.asked("/me")[0].contains("bearer access-1"));
}

#[tokio::test]
async fn a_browser_is_sent_with_a_challenge_and_never_with_the_verifier() {
    let evil = Evil::open().await;
    let address = evil.provider().begin(&journey(), here()).await.unwrap();
    let (at, query) = address.split_once('?').unwrap();
    assert_eq!(at, format!("{}/auth", evil.issuer));
    // RFC 7636 of 43 times the letter v.
    let wanted = "response_type=code&client_id=watchroom\
                  &redirect_uri=https%3A%2F%2Fpanel.example%2Flogin%2Foidc%2Fevil%2Fcallback&scope=openid+email\
                  &state=state-1&code_challenge=";
    assert!(query.starts_with(wanted), "{query}");
    assert!(
        query.ends_with("&code_challenge_method=S256&nonce=nonce-1&max_age=600"),
        "{query}"
    );
    assert!(!query.contains(&"v".repeat(43)) && !query.contains(SECRET));
}

type Bend = Box<dyn Fn(&mut Script)>;

/// A claim that says something else.
fn claim(name: &'static str, value: Value) -> Bend {
    Box::new(move |script| drop(script.claims.insert(name.into(), value.clone())))
}

/// A claim that is not there.
fn without(name: &'static str) -> Bend {
    Box::new(move |script| drop(script.claims.remove(name)))
}

fn header(header: Value) -> Bend {
    Box::new(move |script| script.header = Some(header.clone()))
}

fn sign(sign: Sign) -> Bend {
    Box::new(move |script| script.sign = sign)
}

/// Tells each of these to the provider and sees that what it then says is not believed, for this reason.
async fn none_is_believed(bends: Vec<(Bend, &str)>) {
    let evil = Evil::open().await;
    for (at, (bend, why)) in bends.into_iter().enumerate() {
        evil.bend(|script| {
            *script = Script::honest(&evil.issuer);
            bend(script);
        });
        let said = untrue(finish(&evil).await);
        assert!(said.contains(why), "{at}: {said}");
    }
    evil.bend(|script| *script = Script::honest(&evil.issuer));
    assert!(finish(&evil).await.is_ok());
}

#[tokio::test]
async fn a_token_that_is_not_true_proves_nobody() {
    let (far, two) = (json!(9_999_999_999_i64), json!(["watchroom", "other"]));
    let for_another_party: Bend = {
        let two = two.clone();
        Box::new(move |script| {
            script.claims.insert("aud".into(), two.clone());
            script.claims.insert("azp".into(), json!("other"));
        })
    };
    none_is_believed(vec![
        (claim("iss", json!("https://evil.example")), "another issuer"),
        (without("iss"), "another issuer"),
        (claim("aud", json!("other")), "somebody else"),
        (claim("aud", two), "somebody else"),
        (without("aud"), "somebody else"),
        (for_another_party, "somebody else"),
        (claim("nonce", json!("nonce-2")), "another sign-in"),
        (without("nonce"), "another sign-in"),
        (claim("exp", json!(1_700_000_000)), "is over"),
        (claim("exp", json!("9999999999")), "no end"),
        (without("exp"), "no end"),
        (claim("iat", far.clone()), "time to come"),
        (claim("nbf", far), "time to come"),
        (claim("at_hash", json!("AAAA")), "belong together"),
        (claim("sub", json!("")), "names nobody"),
        (
            Box::new(|script| drop(script.userinfo.insert("sub".into(), json!("4712")))),
            "tells of somebody else",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_token_that_is_not_signed_by_a_key_of_the_provider_proves_nobody() {
    none_is_believed(vec![
        (sign(Sign::Not), "algorithm that is allowed"),
        // A public key that everybody knows, as if it were a secret.
        (sign(Sign::HmacOfPublicKey), "algorithm that is allowed"),
        (sign(Sign::OtherKey), "signature is wrong"),
        (
            header(json!({ "alg": "None", "kid": "e" })),
            "algorithm that is allowed",
        ),
        // A key of another kind than the algorithm's, and one that nobody has.
        (header(json!({ "alg": "RS256", "kid": "e" })), "no key"),
        (header(json!({ "alg": "ES256", "kid": "x" })), "no key"),
        (
            header(json!({ "alg": "ES256", "kid": "e", "crit": ["b64"] })),
            "do not know",
        ),
    ])
    .await;
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_is_not_taken() {
    let evil = Evil::open().await;
    let settings = Settings {
        algorithms: vec![Algorithm::Rs256],
        ..evil.settings()
    };
    let provider = Provider::new(settings, evil.roots(), Clock::system());
    let said = untrue(provider.finish(&journey(), &came(), here()).await);
    assert!(said.contains("algorithm that is allowed"), "{said}");
}

#[tokio::test]
async fn a_provider_that_describes_itself_wrongly_is_not_asked() {
    let evil = Evil::open().await;
    for (name, told, why) in [
        (
            "issuer",
            Some(json!("https://id.example")),
            "calls itself otherwise",
        ),
        (
            "token_endpoint",
            Some(json!("http://localhost/token")),
            "no https",
        ),
        (
            "authorization_endpoint",
            Some(json!("javascript:alert(1)")),
            "no https",
        ),
        ("code_challenge_methods_supported", Some(json!(["plain"])), "PKCE"),
        ("jwks_uri", None, "missing field"),
    ] {
        evil.bend(|script| {
            *script = Script::honest(&evil.issuer);
            match told {
                Some(told) => script.metadata.insert(name.to_owned(), told),
                None => script.metadata.remove(name),
            };
        });
        let said = evil
            .provider()
            .begin(&journey(), here())
            .await
            .unwrap_err()
            .to_string();
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(evil.asked("/token").len(), 0);
}

#[tokio::test]
async fn a_code_that_another_provider_sent_is_given_to_nobody() {
    let evil = Evil::open().await;
    let of = |iss: Option<&str>| CameBack {
        iss: iss.map(str::to_owned),
        ..came()
    };
    let mixed = evil
        .provider()
        .finish(&journey(), &of(Some("https://id.example")), here())
        .await;
    assert_eq!(untrue(mixed), "another provider sent the browser");
    evil.bend(|script| {
        let name = "authorization_response_iss_parameter_supported";
        script.metadata.insert(name.into(), json!(true));
    });
    let silent = evil.provider().finish(&journey(), &of(None), here()).await;
    assert_eq!(untrue(silent), "nobody says who sent the browser");
    assert_eq!(evil.asked("/token").len(), 0, "the code went nowhere");
    let named = evil
        .provider()
        .finish(&journey(), &of(Some(&evil.issuer)), here())
        .await;
    assert!(named.is_ok(), "{named:?}");
}

#[tokio::test]
async fn a_used_code_a_redirect_and_an_endless_answer_end_the_journey() {
    let evil = Evil::open().await;
    for (answer, is_away) in [
        ((400, json!({ "error": "invalid_grant" }).to_string()), false),
        ((302, "{}".to_owned()), true),
        (
            (
                200,
                json!({ "access_token": "a", "id_token": "b", "token_type": "mac" }).to_string(),
            ),
            true,
        ),
        ((200, "x".repeat(300 << 10)), true),
        ((500, "<html>".to_owned()), true),
    ] {
        evil.bend(|script| script.token_answer = Some(answer));
        let error = finish(&evil).await.unwrap_err();
        assert_eq!(error.kind() == FaultKind::Unavailable, is_away, "{error:?}");
    }
    let declined = CameBack {
        code: None,
        error: Some("access_denied".into()),
        iss: None,
    };
    let error = evil
        .provider()
        .finish(&journey(), &declined, here())
        .await
        .unwrap_err();
    assert_eq!(error, OidcError::Refused("access_denied".into()));
    // What is said to the person is the same for all of them, and nothing of what the provider wrote.
    assert!(!error.public().contains("access_denied"));
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_not_believed() {
    let (evil, other) = (Evil::open().await, Evil::open().await);
    let provider = Provider::new(evil.settings(), other.roots(), Clock::system());
    let error = provider.begin(&journey(), here()).await.unwrap_err();
    assert!(
        matches!(&error, OidcError::Unreachable(why) if why.contains("certificate")),
        "{error:?}"
    );
    let empty = other.folder.path().join("none.pem");
    std::fs::write(&empty, "").unwrap();
    assert!(Roots::of_file(&empty).is_err());
}

#[tokio::test]
async fn keys_are_asked_for_again_when_they_have_changed_and_not_at_every_turn() {
    let evil = Evil::open().await;
    evil.bend(|script| script.shows_keys = false);
    let clock = Clock::manual(Clock::system().now());
    let provider = Provider::new(evil.settings(), evil.roots(), clock.clone());
    for _ in 0..3 {
        let said = untrue(provider.finish(&journey(), &came(), here()).await);
        assert!(said.contains("no key"), "{said}");
    }
    assert_eq!(evil.asked("/keys").len(), 1, "learned a moment ago");
    evil.bend(|script| script.shows_keys = true);
    clock.advance(Duration::from_secs(31));
    assert!(provider.finish(&journey(), &came(), here()).await.is_ok());
    assert_eq!(evil.asked("/keys").len(), 2);
    assert_eq!(evil.asked("/.well-known").len(), 1);
}

#[tokio::test]
async fn of_those_who_wait_for_a_provider_that_hangs_only_so_many_do() {
    let evil = Evil::open().await;
    evil.bend(|script| script.hangs = true);
    let hung = evil.provider();
    // Asked in this order, all at once: four ask, sixteen times as many wait.
    let answers = join_all((0..69).map(|_| async { hung.begin(&journey(), here()).await })).await;
    let (last, before) = answers.split_last().unwrap();
    assert_eq!(last, &Err(OidcError::Busy));
    assert!(
        before.iter().all(|answer| *answer == Err(OidcError::Late)),
        "{before:?}"
    );
    assert_eq!(evil.asked("/.well-known").len(), 1, "asked once for all of them");
}

#[tokio::test]
async fn a_crowd_from_one_site_that_brings_junk_keeps_nobody_elsewhere_out() {
    let evil = Evil::open().await;
    let provider = evil.provider();
    provider.begin(&journey(), here()).await.unwrap();
    evil.bend(|script| script.hangs = true);
    let (journey, came) = (journey(), came());
    let mut crowd: Vec<_> = (0..60)
        .map(|_| Box::pin(provider.finish(&journey, &came, here())))
        .collect();
    let elsewhere = Site::from(Some("2001:db8:7::1".parse().unwrap()));
    let person = async {
        // As many as may of one site hang at the provider.
        while evil.asked("/token").len() < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        evil.bend(|script| script.hangs = false);
        let address = provider.begin(&journey, here()).await;
        (address, provider.finish(&journey, &came, elsewhere).await)
    };
    let crowding = join_all(crowd.iter_mut());
    tokio::select! {
        (address, finished) = person => {
            assert!(address.is_ok(), "{address:?}");
            assert_eq!(finished.unwrap().subject, "4711");
        }
        answers = crowding => panic!("the crowd was first: {answers:?}"),
    }
    assert_eq!(evil.asked("/token").len(), 5);
}

#[tokio::test]
async fn a_provider_says_when_it_last_saw_a_proof_and_is_believed_of_the_past_alone() {
    let evil = Evil::open().await;
    let made = Clock::system().now().unix_timestamp();
    for (said, believed) in [
        (json!(made - 3_600), Some(made - 3_600)),
        (json!(made + 3_600), Some(made)),
        (json!("yesterday"), None),
        (Value::Null, None),
    ] {
        evil.bend(|script| {
            script.claims.insert("iat".into(), json!(made));
            script.claims.insert("auth_time".into(), said.clone());
        });
        assert_eq!(finish(&evil).await.unwrap().proven_at, believed, "{said}");
    }
}

#[tokio::test]
async fn what_a_provider_said_of_itself_is_believed_while_it_hangs() {
    let evil = Evil::open().await;
    let clock = Clock::manual(Clock::system().now());
    let provider = Provider::new(evil.settings(), evil.roots(), clock.clone());
    provider.begin(&journey(), here()).await.unwrap();
    evil.bend(|script| script.hangs = true);
    clock.advance(Duration::from_secs(2 * 3_600));
    assert!(provider.begin(&journey(), here()).await.is_ok());
    let asked = evil.asked("/.well-known").len();
    assert!(provider.begin(&journey(), here()).await.is_ok());
    assert_eq!(evil.asked("/.well-known").len(), asked, "left alone for a while");
    clock.advance(Duration::from_secs(86_400));
    assert_eq!(provider.begin(&journey(), here()).await, Err(OidcError::Late));
}
