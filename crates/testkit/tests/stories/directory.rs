//! People whom a directory knows sign in by its word: a real slapd, over TLS, asked by a whole Host.

use std::time::Duration;

use serde_json::{Value, json};
use watchroom::config::Config;
use watchroom_identity::config::LdapRules;
use watchroom_kit::Ambient;
use watchroom_testkit::{Answer, PASSWORD as OURS, TestRoom, Visitor, program};
use watchroom_testkit_directory::{GROUPS, PASSWORD, PEOPLE, READER, READER_PASSWORD, TestDirectory};

/// How soon what changed must be so on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// A directory, and the files that the configuration names.
struct Corporate {
    directory: TestDirectory,
    folder: tempfile::TempDir,
}

impl Corporate {
    fn start() -> Self {
        let (directory, folder) = (TestDirectory::start(), tempfile::tempdir().expect("a folder"));
        std::fs::write(folder.path().join("ca.pem"), &directory.ca).expect("a file");
        std::fs::write(folder.path().join("password"), format!("{READER_PASSWORD}\n")).expect("a file");
        Self { directory, folder }
    }

    /// What the configuration says of it: the crew are members, and ops administer.
    fn rules(&self) -> LdapRules {
        let mut rules = LdapRules {
            name: "corp".to_owned(),
            title: "Example Corporation".to_owned(),
            servers: vec![format!("ldaps://localhost:{}", self.directory.ldaps)],
            ca_file: Some(self.folder.path().join("ca.pem")),
            bind_dn: READER.to_owned(),
            bind_password_file: Some(self.folder.path().join("password")),
            base: PEOPLE.to_owned(),
            group_base: GROUPS.to_owned(),
            ..LdapRules::default()
        };
        rules.admit.create = true;
        rules.admit.domains = vec!["*".to_owned()];
        rules.admit.rules = [
            "groups contains radio -> admin",
            "groups contains crew -> operator",
        ]
        .map(|rule| rule.parse().expect("a rule"))
        .to_vec();
        rules
    }

    async fn empty_room(&self, change: impl FnOnce(&mut Config)) -> TestRoom {
        let rules = self.rules();
        TestRoom::with(program!(), Ambient::system(), |config| {
            config.identity.ldap = vec![rules];
            change(config);
        })
        .await
    }

    async fn room(&self, change: impl FnOnce(&mut Config)) -> TestRoom {
        let room = self.empty_room(change).await;
        // Until there is one account, the entrance leads to the set-up.
        room.account("warden", "viewer").await;
        room
    }
}

/// Signs in by the directory, through the page.
async fn by_directory(visitor: &mut Visitor, name: &str, password: &str) -> Answer {
    let token = visitor.form_token("/login").await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("directory", "corp"),
        ("username", name),
        ("password", password),
    ];
    let answer = visitor.submit("/login", &fields).await;
    visitor.take_cookies(&answer);
    answer
}

async fn comes_in(room: &TestRoom, name: &str) -> Visitor {
    let mut visitor = room.stranger();
    let answer = by_directory(&mut visitor, name, PASSWORD).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/"),
        "{}",
        answer.text()
    );
    visitor
}

async fn me(visitor: &Visitor) -> Value {
    let answer = visitor.get("/api/auth/me").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_whom_the_directory_knows_gets_an_account_with_the_roles_of_their_groups() {
    let corporate = Corporate::start();
    let room = corporate.room(|_| {}).await;
    let page = room.stranger().look("/login").await.text();
    assert!(
        page.contains("Example Corporation") && page.contains("this Watchroom"),
        "{page}"
    );
    let bob = comes_in(&room, "bob").await;
    assert_eq!(me(&bob).await["name"], "bob");
    assert_eq!(bob.get("/api/servers").await.status, 200, "the crew operates");
    assert_eq!(bob.get("/api/users").await.status, 403, "and does not administer");
    let ann = comes_in(&room, "Ann").await;
    assert_eq!(ann.get("/api/users").await.status, 200, "radio administers");

    // What the directory says is followed anew at each sign-in.
    corporate.directory.change(&format!(
        "dn: cn=radio,{GROUPS}\nchangetype: modify\nreplace: memberUid\nmemberUid: bob\n"
    ));
    let (bob, ann) = (comes_in(&room, "bob").await, comes_in(&room, "ann").await);
    assert_eq!(bob.get("/api/users").await.status, 200);
    assert_eq!(ann.get("/api/users").await.status, 403);

    // Cleo is in no group that gives a role.
    let mut cleo = room.stranger();
    let refused = by_directory(&mut cleo, "cleo", PASSWORD).await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    assert!(refused.text().contains("no account here"), "{}", refused.text());
    let admin = room.admin("ada").await;
    let entries = admin.get("/api/audit?action=session.sign_in").await.json();
    assert!(entries["items"][0]["extra"]["method"] == "ldap:corp", "{entries}");
    assert!(!entries.to_string().contains(PASSWORD));
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_alike_and_counts_towards_a_lockout() {
    let corporate = Corporate::start();
    let room = corporate.room(|_| {}).await;
    for (name, password) in [
        ("ann", "wrong"),
        ("nobody", PASSWORD),
        ("*", PASSWORD),
        ("ann)(uid=*", PASSWORD),
        ("bob", ""),
    ] {
        let mut thief = room.stranger();
        let refused = by_directory(&mut thief, name, password).await;
        assert_eq!(refused.status, 401, "{name}: {}", refused.text());
        assert!(
            refused.text().contains("4 attempts"),
            "{name}: {}",
            refused.text()
        );
        assert_eq!(thief.get("/api/auth/me").await.status, 401);
    }
    for _ in 0..4 {
        by_directory(&mut room.stranger(), "ann", "wrong").await;
    }
    let locked = by_directory(&mut room.stranger(), "ANN", PASSWORD).await;
    assert_eq!(
        locked.status,
        423,
        "the right password is not looked at: {}",
        locked.text()
    );
    comes_in(&room, "bob").await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_puts_people_of_the_directory_into_a_group_for_as_long_as_it_says_so() {
    let corporate = Corporate::start();
    let to_group = |config: &mut Config| {
        let rules = [
            "groups contains radio -> group:radio",
            "groups contains crew -> auditor",
        ];
        config.identity.ldap[0].admit.rules = rules.map(|rule| rule.parse().expect("a rule")).to_vec();
    };
    let room = corporate.room(to_group).await;
    let ada = room.admin("ada").await;
    let made = ada.post("/api/groups", json!({ "name": "radio" })).await.json();
    let radio = format!("/api/groups/{}", made["id"].as_str().expect("an id"));
    let given = ada
        .post(&format!("{radio}/grants"), json!({ "role": "viewer" }))
        .await;
    assert_eq!(given.status, 201, "{}", given.text());
    let ann = comes_in(&room, "ann").await;
    assert_eq!(ann.get("/api/nodes").await.status, 200, "by the group");
    let members = ada.get(&radio).await.json()["members"].clone();
    assert_eq!(
        (&members[0]["name"], &members[0]["by_providers"]),
        (&json!("ann"), &json!(["ldap:corp"])),
        "{members}"
    );
    corporate.directory.change(&format!(
        "dn: cn=radio,{GROUPS}\nchangetype: modify\nreplace: memberUid\nmemberUid: bob\n"
    ));
    let again = comes_in(&room, "ann").await;
    for session in [&ann, &again] {
        session.get("/api/nodes").await.problem(403, "permission-missing");
    }
    let bob = comes_in(&room, "bob").await;
    assert_eq!(bob.get("/api/nodes").await.status, 200);
    let members = ada.get(&radio).await.json()["members"].clone();
    assert_eq!(members[0]["name"], "bob", "{members}");
    assert_eq!(members[1], Value::Null, "{members}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_needs_a_second_factor_reaches_nothing_with_the_directorys_word_alone() {
    let corporate = Corporate::start();
    let strict = |config: &mut Config| config.identity.second_factors.required_roles = vec!["admin".into()];
    let room = corporate.room(strict).await;
    let mut ann = room.stranger();
    let answer = by_directory(&mut ann, "ann", PASSWORD).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/mfa/setup"),
        "{}",
        answer.text()
    );
    for path in ["/api/auth/me", "/api/users", "/api/servers", "/api/session"] {
        ann.get(path).await.problem(403, "second-factor-required");
    }
    for page in ["/", "/servers", "/nodes"] {
        assert!(
            ann.look(page).await.header("location").starts_with("/mfa/setup"),
            "{page}"
        );
    }
    room.close().await;
}

/// A program signs in by the directory.
async fn program_by_directory(room: &TestRoom, name: &str, password: &str, code: Option<&str>) -> Answer {
    let asked = json!({ "username": name, "password": password, "directory": "corp", "code": code });
    room.stranger().post("/api/auth/token", asked).await
}

fn program_of(room: &TestRoom, granted: &Answer) -> Visitor {
    assert_eq!(granted.status, 200, "{}", granted.text());
    let granted = granted.json();
    Visitor::with_token(room.client(), granted["access_token"].as_str().expect("a token"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_signs_in_by_the_directory_with_the_roles_of_their_groups() {
    let corporate = Corporate::start();
    let room = corporate.room(|_| {}).await;
    let granted = program_by_directory(&room, "bob", PASSWORD, None).await;
    let bob = program_of(&room, &granted);
    let own = me(&bob).await;
    assert_eq!(
        (&own["name"], &own["via"]),
        (&json!("bob"), &json!("program")),
        "{own}"
    );
    assert_eq!(
        bob.get("/api/servers").await.status,
        200,
        "the crew operates, as by a rule of the directory"
    );
    bob.get("/api/users").await.problem(403, "permission-missing");
    let refresh = json!({ "refresh_token": granted.json()["refresh_token"] });
    let next = room.stranger().post("/api/auth/token", refresh).await;
    let bob = program_of(&room, &next);
    assert_eq!(
        bob.get("/api/servers").await.status,
        200,
        "what began there goes on"
    );
    let browser = comes_in(&room, "bob").await;
    assert_eq!(me(&browser).await["user_id"], own["user_id"], "one account");
    assert_eq!(bob.delete("/api/auth/token").await.status, 204);
    bob.get("/api/auth/me").await.problem(401, "token-invalid");

    // It is no account of this Watchroom, and this Watchroom's are not the directory's.
    let ours = json!({ "username": "bob", "password": PASSWORD });
    room.stranger()
        .post("/api/auth/token", ours)
        .await
        .problem(401, "sign-in-refused");
    let theirs = program_by_directory(&room, "warden", OURS, None).await;
    theirs.problem(401, "sign-in-refused");
    let elsewhere = json!({ "username": "bob", "password": PASSWORD, "directory": "other" });
    room.stranger()
        .post("/api/auth/token", elsewhere)
        .await
        .problem(503, "directory-away");
    let both = json!({ "refresh_token": "wr_ref_a.b", "directory": "corp" });
    room.stranger()
        .post("/api/auth/token", both)
        .await
        .problem(400, "invalid-input");
    // Cleo is in no group that gives a role.
    let cleo = program_by_directory(&room, "cleo", PASSWORD, None).await;
    cleo.problem(401, "outside-refused");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_guess_at_the_directory_are_refused_alike_and_locked_with_the_page() {
    let corporate = Corporate::start();
    let room = corporate.room(|_| {}).await;
    let mut said = Vec::new();
    for (name, password) in [
        ("ann", "wrong"),
        ("nobody", PASSWORD),
        ("ann)(uid=*", PASSWORD),
        ("bob", ""),
    ] {
        let refused = program_by_directory(&room, name, password, Some("123456")).await;
        refused.problem(401, "sign-in-refused");
        let problem = refused.json();
        said.push((problem["detail"].clone(), problem["remaining_attempts"].clone()));
    }
    assert!(said.iter().all(|one| *one == said[0]), "{said:?}");
    assert_eq!(said[0].1, 4, "{said:?}");
    for _ in 0..2 {
        program_by_directory(&room, "ANN", "wrong", None).await;
        by_directory(&mut room.stranger(), "ann", "wrong").await;
    }
    let locked = program_by_directory(&room, "ann", PASSWORD, None).await;
    locked.problem(423, "sign-in-locked");
    let locked = by_directory(&mut room.stranger(), "ann", PASSWORD).await;
    assert_eq!(locked.status, 423, "{}", locked.text());
    let bob = program_by_directory(&room, "bob", PASSWORD, None).await;
    assert_eq!(me(&program_of(&room, &bob)).await["name"], "bob");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_who_needs_a_second_factor_gets_nothing_for_the_directorys_word_alone() {
    let corporate = Corporate::start();
    let strict = |config: &mut Config| config.identity.second_factors.required_roles = vec!["admin".into()];
    let room = corporate.room(strict).await;
    let first = program_by_directory(&room, "ann", PASSWORD, None).await;
    first.problem(403, "second-factor-required");
    assert!(!first.text().contains("token"), "{}", first.text());

    let mut ann = room.stranger();
    by_directory(&mut ann, "ann", PASSWORD).await;
    let now = room.host.ambient().now();
    let (device, enrolled) = ann.enrol(now).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text());
    for (code, slug) in [
        (None, "code-needed"),
        (Some(""), "code-needed"),
        (Some("000000"), "second-factor-refused"),
    ] {
        let refused = program_by_directory(&room, "ann", PASSWORD, code).await;
        refused.problem(401, slug);
        assert!(!refused.text().contains("_token"), "{}", refused.text());
    }
    // A right code makes no wrong password right.
    let next = device.code(now + Duration::from_secs(30));
    let refused = program_by_directory(&room, "ann", "wrong", Some(&next)).await;
    refused.problem(401, "sign-in-refused");
    let granted = program_by_directory(&room, "ann", PASSWORD, Some(&next)).await;
    let program = program_of(&room, &granted);
    assert_eq!(program.get("/api/users").await.status, 200, "radio administers");
    let again = program_by_directory(&room, "ann", PASSWORD, Some(&next)).await;
    again.problem(401, "second-factor-refused");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_away_is_told_and_accounts_of_ours_go_on() {
    let mut corporate = Corporate::start();
    let room = corporate.room(|_| {}).await;
    let ada = room.admin("ada").await;
    let seen = async || {
        let checks = ada.get("/api/security/doctor").await.json();
        let items = checks["items"].as_array().cloned().expect("items");
        items
            .into_iter()
            .find(|check| check["id"] == "directories")
            .expect("a check")
    };
    assert_eq!(seen().await["finding"], "good");
    comes_in(&room, "bob").await;
    corporate.directory.stop();
    let away = by_directory(&mut room.stranger(), "bob", PASSWORD).await;
    assert_eq!(away.status, 503, "{}", away.text());
    assert!(away.text().contains("does not answer now"), "{}", away.text());
    let check = seen().await;
    assert_eq!(check["finding"], "warning", "{check}");
    room.account("vera", "viewer").await;
    let mut vera = room.stranger();
    vera.sign_in("vera", OURS).await;
    assert_eq!(vera.get("/api/auth/me").await.status, 200);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_does_not_come_in_and_its_sessions_end() {
    let corporate = Corporate::start();
    let room = corporate.room(|_| {}).await;
    let (ada, bob) = (room.admin("ada").await, comes_in(&room, "bob").await);
    let id = me(&bob).await["user_id"].as_str().expect("an id").to_owned();
    let disabled = ada.post(&format!("/api/users/{id}/disable"), json!({})).await;
    assert_eq!(disabled.status, 200, "{}", disabled.text());
    let deadline = tokio::time::Instant::now() + SOON;
    while bob.get("/api/auth/me").await.status != 401 {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refused = by_directory(&mut room.stranger(), "bob", PASSWORD).await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_of_the_directory_comes_before_the_first_administrator() {
    let corporate = Corporate::start();
    let room = corporate.empty_room(|_| {}).await;
    let mut ann = room.stranger();
    // The page for the first administrator gives whoever opens it a form's token.
    let token = ann.form_token("/setup").await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("directory", "corp"),
        ("username", "ann"),
        ("password", PASSWORD),
    ];
    let answer = ann.submit("/login", &fields).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/setup"));
    ann.take_cookies(&answer);
    assert_eq!(ann.get("/api/auth/me").await.status, 401);
    let program = program_by_directory(&room, "ann", PASSWORD, None).await;
    program.problem(503, "directory-away");
    assert_eq!(ann.look("/setup").await.status, 200, "set-up is still open");
    room.close().await;
}
