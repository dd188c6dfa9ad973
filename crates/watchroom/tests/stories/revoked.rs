//! What was taken from somebody stays taken when the program is killed right after it said so; and a command line far away
//! that follows something hears of it at once.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::room::{PASSWORD, Room, end_of, ended, wait_for};
use crate::visitor::Visitor;

/// What the command line ends with when it is not let in, and when there is no such thing.
const REFUSED: i32 = 3;
const MISSING: i32 = 1;

/// What is taken, how, and what becomes of cookie, API token and access token.
type Row = (&'static str, fn(&Room, &Person), [u16; 3]);

const ALL: &[Row] = &[
    ("sign-out", sign_out, [401, 200, 200]),
    ("a program's sign-out", program_sign_out, [200, 200, 401]),
    (
        "all sessions ended",
        |room, person| drop(room.done(&format!("-y session end {} --all", person.name))),
        [401, 200, 401],
    ),
    ("a role taken", take_role, [403, 403, 403]),
    (
        "an account disabled",
        |room, person| drop(room.done(&format!("-y user disable {}", person.name))),
        [401, 401, 401],
    ),
    (
        "a person locked",
        |room, person| drop(room.done(&format!("-y lock user {} --for 1h --reason drill", person.name))),
        [401, 423, 401],
    ),
    ("a token revoked", revoke_token, [200, 401, 200]),
    (
        "factors reset",
        |room, person| drop(room.done(&format!("-y user reset-factors {}", person.name))),
        [401, 200, 401],
    ),
    (
        "one session ended",
        |room, person| drop(room.done(&format!("-y session end {} {}", person.name, person.session))),
        [401, 200, 200],
    ),
    (
        "a role that gives less",
        |room, person| drop(room.done(&format!("-y role change {} --allow nets:read", person.role()))),
        [403, 403, 403],
    ),
    (
        "a role locked",
        |room, person| {
            drop(room.done(&format!("-y lock role {} --for 1h --reason drill", person.role())));
        },
        [403, 403, 403],
    ),
    (
        "a token locked",
        |room, person| {
            drop(room.done(&format!(
                "-y lock token {} --for 1h --reason drill",
                person.token_id
            )));
        },
        [200, 423, 200],
    ),
    ("a password reset by link", reset_password, [401, 200, 401]),
];

/// Somebody who came by all three ways.
struct Person {
    name: String,
    cookie: String,
    csrf: String,
    /// The id of the browser's session.
    session: String,
    token: String,
    token_id: String,
    access: String,
}

impl Person {
    /// With a role of their own, which others do not miss.
    fn come(room: &Room, name: &str) -> Self {
        let role = role_of(name);
        room.done(&format!(
            "-y role create {role} --allow nodes:read --allow compute:read"
        ));
        room.add_user(name, &role);
        let (cookie, csrf) = room.stranger().sign_in(name, PASSWORD);
        let sessions = room.json(&format!("session list {name}"));
        let asked = json!({ "username": name, "password": PASSWORD });
        let granted = room.stranger().post("/api/auth/token", &asked).json();
        let made = room.json(&format!(
            "token create --for {name} --name ci --expires 1d --allow-sensitive"
        ));
        Self {
            name: name.to_owned(),
            cookie,
            csrf,
            session: text(&sessions["items"][0]["id"]),
            token: text(&made["token"]),
            token_id: text(&made["id"]),
            access: text(&granted["access_token"]),
        }
    }

    fn role(&self) -> String {
        role_of(&self.name)
    }

    fn by_cookie(&self, room: &Room) -> Visitor {
        let mut visitor = room.stranger();
        visitor.show("cookie", &self.cookie);
        visitor
    }

    fn by_access(&self, room: &Room) -> Visitor {
        room.stranger().with_token(&self.access)
    }

    /// How cookie, API token and access token are answered now.
    fn answers(&self, room: &Room) -> [u16; 3] {
        [
            self.by_cookie(room),
            room.stranger().with_token(&self.token),
            self.by_access(room),
        ]
        .map(|visitor| visitor.get("/api/nodes").status)
    }

    /// The command line of somebody far away who has the API token.
    fn program(&self, room: &Room, line: &str) -> Command {
        let path = self.token_file(room);
        let mut command = room.command();
        command
            .args(["--host", &room.endpoint("panel"), "--token-file"])
            .arg(path);
        command
            .arg("--ca-file")
            .arg(room.state().join("keys/panel-ca.crt"));
        command.args(line.split_whitespace());
        command
    }

    fn token_file(&self, room: &Room) -> PathBuf {
        let path = room.path().join(&self.name);
        let mut options = File::options();
        let file = options.create(true).write(true).truncate(true).mode(0o600);
        drop(file.open(&path).unwrap());
        fs::write(&path, &self.token).unwrap();
        path
    }
}

fn role_of(name: &str) -> String {
    format!("{name}-role")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

fn sign_out(room: &Room, person: &Person) {
    let mut browser = person.by_cookie(room);
    browser.show("sec-fetch-site", "same-origin");
    let form = format!("csrf_token={}", person.csrf);
    let left = browser.ask("POST /logout", "application/x-www-form-urlencoded", &form);
    assert_eq!(left.status, 303, "{left:?}");
}

fn program_sign_out(room: &Room, person: &Person) {
    let left = person
        .by_access(room)
        .ask("DELETE /api/auth/token", "application/json", "");
    assert_eq!(left.status, 204, "{left:?}");
}

fn take_role(room: &Room, person: &Person) {
    let grants = room.json(&format!("grant list --user {}", person.name));
    let id = grants["items"][0]["id"].as_str().unwrap().to_owned();
    room.done(&format!("-y grant take {id}"));
}

fn revoke_token(room: &Room, person: &Person) {
    room.done(&format!("-y token revoke ci --for {}", person.name));
}

fn reset_password(room: &Room, person: &Person) {
    let link = text(&room.json(&format!("user reset-link {}", person.name))["link"]);
    let (_, code) = link.split_once("#code=").unwrap();
    let new = "Another+passphrase+7%21";
    let fields = format!("code={code}&new_password={new}&confirm_password={new}");
    let reset = room.stranger().submit("/reset-password", &fields);
    assert_eq!(reset.status, 303, "{reset:?}");
}

#[test]
fn what_was_taken_stays_taken_when_the_program_is_killed_right_after_it_said_so() {
    let mut room = Room::up();
    for (number, (what, take, after)) in ALL.iter().enumerate() {
        let person = Person::come(&room, &format!("person-{number}"));
        assert_eq!(person.answers(&room), [200; 3], "{what}");
        take(&room, &person);
        room.kill();
        room.start();
        assert_eq!(person.answers(&room), *after, "{what}");
        let listed = ended(&mut person.program(&room, "node list"), "");
        let refused = (after[1] != 200).then_some(REFUSED).or(Some(0));
        assert_eq!(listed.code(), refused, "{what}: {}", listed.errors);
    }
}

/// A command line that follows what a server prints, once it does.
fn following(room: &Room, person: &Person) -> Child {
    let heard = room.path().join(format!("{}.out", person.name));
    let mut command = person.program(room, "server logs talker -f");
    command
        .stdout(File::create(&heard).unwrap())
        .stderr(Stdio::null());
    let child = command.spawn().unwrap();
    wait_for("it hears the server", || {
        fs::read_to_string(&heard).unwrap().contains("here").then_some(())
    });
    child
}

#[test]
fn a_command_line_that_follows_something_hears_at_once_that_it_may_no_longer() {
    let room = Room::up();
    room.create("talker", "echo here; exec cat");
    room.done("server start talker");
    room.until_server("talker", "running");
    for (number, (what, take, after)) in ALL.iter().enumerate() {
        if after[1] == 200 {
            continue;
        }
        let person = Person::come(&room, &format!("person-{number}"));
        let mut child = following(&room, &person);
        take(&room, &person);
        let began = Instant::now();
        let status = end_of(&mut child);
        println!("{what}: a command line ended after {:?}", began.elapsed());
        // Who may see servers no longer is told that there is none.
        let told = if after[1] == 403 { MISSING } else { REFUSED };
        assert_eq!(status.code(), Some(told), "{what}");
    }
}
