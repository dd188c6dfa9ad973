//! The first run: what it prints, and the set-up code that opens the panel once.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::room::{PASSWORD, Room};
use crate::visitor::{Answer, Visitor};

/// A browser that has loaded the set-up page: with its cookie, and the token of its form.
fn at_set_up(room: &Room) -> (Visitor, String) {
    let mut browser = room.stranger();
    browser.show("accept", "text/html");
    let page = browser.get("/setup");
    assert_eq!(page.status, 200, "{page:?}");
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap();
    browser.show("cookie", cookie);
    browser.show("sec-fetch-site", "same-origin");
    let (_, rest) = page.body.split_once("name=\"csrf_token\" value=\"").unwrap();
    (browser, rest.split('"').next().unwrap().to_owned())
}

fn submit(browser: &Visitor, csrf: &str, code: &str, name: &str) -> Answer {
    let password = PASSWORD.replace(' ', "+");
    let form = format!(
        "csrf_token={csrf}&code={code}&username={name}&display_name=&password={password}&confirm_password={password}"
    );
    browser.ask("POST /setup", "application/x-www-form-urlencoded", &form)
}

fn code(room: &Room) -> String {
    fs::read_to_string(room.state().join("setup-code"))
        .unwrap()
        .trim()
        .to_owned()
}

#[test]
fn the_first_run_prints_where_it_is_and_how_to_begin() {
    let room = Room::up();
    let said = room.said();
    let panel = room.endpoint("panel");
    let port = panel.rsplit(':').next().unwrap();
    let lines: Vec<_> = said.lines().collect();
    assert!(
        lines[0].starts_with("Watchroom is up:  https://") && lines[0].ends_with(port),
        "{said}"
    );
    let file = room.state().join("setup-code");
    assert!(
        lines[1].starts_with("Create the first administrator (valid 1 hour, once):  https://"),
        "{said}"
    );
    assert!(
        lines[1].ends_with(&format!("/setup  with the code in {}", file.display())),
        "{said}"
    );
    assert!(
        lines[2].contains(&format!("State: {}", room.state().display())),
        "{said}"
    );
    // Standard output is no terminal here, so the code itself is not in it.
    assert!(!said.contains(&code(&room)));
    for private in [
        file,
        room.state().join("keys/audit.key"),
        room.state().join("ssl/server.key"),
    ] {
        let mode = fs::metadata(&private).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", private.display());
    }
    // Servers have accounts of their own, which may pass through; nobody else can list what is there.
    let mode_of = |folder| fs::metadata(folder).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode_of(room.state()) & 0o066, 0);
    assert_eq!(mode_of(room.state().join("keys")), 0o700);
}

#[test]
fn the_code_makes_one_administrator_and_never_another() {
    let mut room = Room::up();
    let code = code(&room);
    let (browser, csrf) = at_set_up(&room);
    let (other, other_csrf) = at_set_up(&room);
    let wrong = submit(&other, &other_csrf, "WRONG-CODE", "mallory");
    assert!(wrong.status >= 400, "{wrong:?}");
    let forged = submit(&browser, "forged", &code, "mallory");
    assert_eq!(forged.status, 403, "{forged:?}");

    let done = submit(&browser, &csrf, &code, "alice");
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!(room.json("user show alice")["status"], "active");

    let again = submit(&other, &other_csrf, &code, "mallory");
    assert!(
        again.status >= 400 || again.header("location") == Some("/login"),
        "{again:?}"
    );
    assert_eq!(room.run(&["user", "show", "mallory"]).code(), Some(1));
    let page = other.get("/setup");
    assert_eq!(
        (page.status, page.header("location")),
        (303, Some("/login")),
        "{page:?}"
    );

    room.signal(Signal::TERM);
    room.start();
    assert!(!room.said().contains("first administrator"), "{}", room.said());
    assert!(!room.state().join("setup-code").exists());
}
