//! Secrets that are planted everywhere they may be shown, right or wrong, and are found nowhere afterwards: not in the log
//! at its most talkative, not in the database, not in the audit log or its export, in clear or in the usual codings.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::room::{FREE_PORTS, Room};
use crate::visitor::{Answer, Visitor};

/// Nothing else in the house has these letters.
const PASSWORD: &str = "Kx7-canary-of-hers wimples";
const WRONG: &str = "Kx7-canary-mistyped wimples";
const IN_THE_NAME: &str = "Kx7-canary-typed-as-name";
const CODE: &str = "Kx7canarycode";

/// What we are told to prove ourselves with to a provider, a directory and a mail server.
const AT_OTHERS: [(&str, &str); 3] = [
    ("provider", "Kx7-canary-at-the-provider"),
    ("directory", "Kx7-canary-at-the-directory"),
    ("mail", "Kx7-canary-at-the-mail-server"),
];

/// A configuration with those three, none of whom answers, their secrets in files outside the room, and no end of tries.
fn with_others(room: &Room, outside: &Path) {
    for (name, secret) in AT_OTHERS {
        let path = outside.join(name);
        fs::write(&path, secret).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let file = |name: &str| outside.join(name).display().to_string();
    let authority = room.state().join("keys/panel-ca.crt").display().to_string();
    let configuration = format!(
        r#"
[shield.limits]
sign_in = []

[mail]
server = "127.0.0.1"
port = 9
protection = "tls"
ca_file = "{authority}"
user = "watchroom"
password_file = "{}"
from = "watchroom@host.example"
panel_url = "https://host.example:7443"

[[identity.oidc]]
name = "harbour"
title = "Harbour"
issuer = "https://127.0.0.1:9"
client_id = "watchroom"
client_secret_file = "{}"
ca_file = "{authority}"

[[identity.ldap]]
name = "corp"
title = "Corporation"
servers = ["ldaps://127.0.0.1:9"]
ca_file = "{authority}"
bind_dn = "cn=watchroom,dc=example"
bind_password_file = "{}"
base = "dc=example"
group_base = "dc=example"
"#,
        file("mail"),
        file("provider"),
        file("directory"),
    );
    fs::write(room.configuration(), configuration).unwrap();
}

/// The text in clear, percent-coded, in hexadecimal, and in base64 wherever it stands in what was coded.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![
        secret.to_owned(),
        secret.replace(' ', "+"),
        secret.replace(' ', "%20"),
        HEXLOWER.encode(secret.as_bytes()),
        HEXUPPER.encode(secret.as_bytes()),
    ];
    for (before, skipped) in [(0, 0), (1, 2), (2, 3)] {
        let padded = [&b"xx"[..before], secret.as_bytes()].concat();
        for coding in [&BASE64_NOPAD, &BASE64URL_NOPAD] {
            let coded = coding.encode(&padded);
            // The letters at both ends are of what stands beside it, too.
            forms.push(coded[skipped..coded.len() - 2].to_owned());
        }
    }
    forms
}

/// None of these texts, each with the name of its place, has the secret in any form.
fn assert_nowhere(secret: &str, texts: &[(String, String)]) {
    for form in forms(secret) {
        let place = texts.iter().find(|(_, text)| text.contains(&form));
        assert!(place.is_none(), "{form} is in {:?}", place.map(|(name, _)| name));
    }
}

/// Every file below a folder, as text.
fn texts(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_dir() {
            texts(&path, into);
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap();
            into.push((
                path.display().to_string(),
                String::from_utf8_lossy(&bytes).into_owned(),
            ));
        }
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("{value}"))
        .to_owned()
}

/// Submits the sign-in form as a browser does; with a directory, it is asked.
fn sign_in(room: &Room, name: &str, password: &str, directory: &str) -> Answer {
    let coded = |text: &str| text.replace(' ', "+");
    let form = format!(
        "username={}&password={}&directory={directory}&remember_me=true",
        coded(name),
        coded(password)
    );
    room.stranger().submit("/login", &form)
}

/// The value of a cookie that an answer sets.
fn cookie(answer: &Answer, name: &str) -> String {
    let line = answer.head.lines().find(|line| line.contains(name)).unwrap();
    let (_, rest) = line.split_once(name).unwrap();
    rest.trim_start_matches('=').split(';').next().unwrap().to_owned()
}

/// Shows a token in all places where one may be shown, and where none should be.
fn show_about(stranger: &Visitor, token: &str) {
    let bearer = stranger.clone().with_token(token);
    for path in ["/api/auth/me", "/api/users", "/api/tokens", "/api/nodes/none"] {
        bearer.get(path);
    }
    stranger.get(&format!("/api/nodes?token={token}&access_token={token}"));
    stranger.get(&format!("/api/stream?ticket={token}"));
    let mut socket = stranger.clone();
    for (name, value) in [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", &format!("watchroom.v1, bearer.{token}")),
    ] {
        socket.show(name, value);
    }
    assert_eq!(Visitor::status(&mut socket.begin_get("/api/ws")), 101);
    stranger.get(&format!("/{token}"));
    stranger.post("/api/auth/token", &json!({ "refresh_token": token }));
    let mut lost = stranger.clone();
    lost.show("cookie", &format!("__Host-watchroom_session={token}"));
    lost.get("/api/auth/me");
    // Bent by one letter.
    stranger
        .clone()
        .with_token(&format!("{token}x"))
        .get("/api/auth/me");
}

#[test]
fn no_secret_that_anybody_shows_is_written_anywhere() {
    let (mut room, outside) = (Room::up(), tempfile::tempdir().unwrap());
    with_others(&room, outside.path());
    room.signal(Signal::TERM);
    room.start_in(&FREE_PORTS, &[("WATCHROOM_LOG", "info,watchroom=trace")]);
    let arguments = [
        "user",
        "create",
        "vera",
        "--role",
        "viewer",
        "--password-file",
        "-",
    ];
    assert!(room.run_with(&arguments, PASSWORD).status.success());
    let stranger = room.stranger();

    let tokens = |username: &str, password: &str, code: Option<&str>| {
        let asked = json!({ "username": username, "password": password, "code": code });
        stranger.post("/api/auth/token", &asked)
    };
    assert_eq!(tokens("vera", WRONG, Some(CODE)).status, 401);
    assert_eq!(tokens(IN_THE_NAME, WRONG, None).status, 401);
    let granted = tokens("vera", PASSWORD, Some(CODE)).json();
    let (access, first) = (text(&granted, "access_token"), text(&granted, "refresh_token"));
    let exchange = json!({ "refresh_token": first });
    let next = stranger.post("/api/auth/token", &exchange).json();
    let (later, second) = (text(&next, "access_token"), text(&next, "refresh_token"));
    let program = stranger.clone().with_token(&later);
    let ticket = text(&program.post("/api/ws/ticket", &json!({})).json(), "ticket");
    assert_eq!(sign_in(&room, "vera", WRONG, "").status, 401);
    assert_eq!(sign_in(&room, IN_THE_NAME, PASSWORD, "").status, 401);
    let signed_in = sign_in(&room, "vera", PASSWORD, "");
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    let session = cookie(&signed_in, "__Host-watchroom_session");
    // Whoever should have been told these does not answer, which is written down.
    assert_eq!(sign_in(&room, "vera", PASSWORD, "corp").status, 503);
    assert!(stranger.get("/login/oidc/harbour").status >= 300);
    assert_eq!(room.run(&["mail", "test", "ada@home.example"]).code(), Some(4));
    let api_token = room.token_of("vera");
    let invitation = text(&room.json("user invite --role viewer"), "link");
    let reset = text(&room.json("user reset-link vera"), "link");
    let join = text(&room.json("cluster token create"), "join_url");
    let of_link = |link: &str| link.rsplit(['=', '#', '/']).next().unwrap().to_owned();

    // Twice: that ends it, and is written down.
    assert_eq!(stranger.post("/api/auth/token", &exchange).status, 401);

    let tag = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    let shown = [&access, &first, &later, &second, &ticket, &session, &api_token];
    for token in shown {
        show_about(&stranger, token);
    }
    let mut secrets: Vec<String> = [PASSWORD, WRONG, IN_THE_NAME, CODE].map(str::to_owned).to_vec();
    secrets.extend([tag(&access), tag(&later), tag(&first), tag(&second)]);
    secrets.extend([ticket, session, api_token]);
    secrets.extend([of_link(&invitation), of_link(&reset), of_link(&join)]);
    secrets.extend(AT_OTHERS.map(|(_, secret)| secret.to_owned()));
    assert!(secrets.iter().all(|secret| secret.len() >= 13), "{secrets:?}");

    let mut texts_of_house = vec![
        ("audit export".to_owned(), room.done("audit export")),
        ("audit export as csv".to_owned(), room.done("audit export -o csv")),
        ("the configuration".to_owned(), room.done("config show --origin")),
        ("doctor".to_owned(), room.run(&["doctor"]).out),
    ];
    room.signal(Signal::TERM);
    texts(room.path(), &mut texts_of_house);
    // The search finds what is there: the log speaks of requests, the database of people.
    for known in ["vera", "session.refresh_reused", "a sign-in failed"] {
        assert!(
            texts_of_house.iter().any(|(_, text)| text.contains(known)),
            "{known}"
        );
    }
    for secret in &secrets {
        assert_nowhere(secret, &texts_of_house);
    }
}

#[test]
fn the_search_for_secrets_finds_them_in_every_coding_and_place() {
    let secret = "Kx7-canary, of the test";
    for before in ["", "a", "ab", "abc", "abcd"] {
        let around = format!("{before}{secret}, and more");
        for coded in [
            around.clone(),
            BASE64_NOPAD.encode(around.as_bytes()),
            BASE64URL_NOPAD.encode(around.as_bytes()),
            HEXLOWER.encode(around.as_bytes()),
        ] {
            assert!(forms(secret).iter().any(|form| coded.contains(form)), "{coded}");
        }
    }
}
