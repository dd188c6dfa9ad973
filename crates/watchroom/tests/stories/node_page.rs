//! The node's own page: who is let in, by what, and what they may do there.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;
use serde_json::Value;

use crate::room::{PATIENCE, Room};

/// What the page answered.
struct Answer {
    status: u16,
    head: String,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// A browser at the page, with its cookie and the token of its forms.
struct Browser {
    page: String,
    cookie: Option<String>,
    token: Option<String>,
}

impl Browser {
    fn at(room: &Room) -> Self {
        Self {
            page: room.endpoint("node"),
            cookie: None,
            token: None,
        }
    }

    /// Opens the link of `watchroom node open`.
    fn signed_in(room: &Room) -> Self {
        let mut browser = Self::at(room);
        let url = invitation(room);
        let entered = browser.get(url.strip_prefix(&browser.page).unwrap());
        assert_eq!(entered.status, 303, "{}", entered.text);
        browser.keep_cookie(&entered);
        let shown = browser.get("/");
        let (_, after) = shown.text.split_once("csrf_token\" value=\"").unwrap();
        browser.token = Some(after.split_once('"').unwrap().0.to_owned());
        browser
    }

    fn keep_cookie(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-watchroom_node_"), "{cookie}");
        for attribute in ["; Path=/;", "; HttpOnly", "; SameSite=Strict", "; Secure"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        self.cookie = cookie.split_once(';').map(|(pair, _)| pair.to_owned());
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// Posts a form as the page itself would.
    fn post(&self, path: &str) -> Answer {
        let form = format!("csrf_token={}", self.token.as_deref().unwrap());
        self.ask("POST", path, &[("sec-fetch-site", "same-origin")], &form)
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let host = self.page.strip_prefix("http://").unwrap();
        let named = headers.iter().any(|(name, _)| *name == "host");
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !named {
            request += &format!("host: {host}\r\n");
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if let Some(cookie) = &self.cookie {
            request += &format!("cookie: {cookie}\r\n");
        }
        request += &format!("content-length: {}\r\n\r\n{form}", form.len());
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            text: text.to_owned(),
        }
    }
}

fn invitation(room: &Room) -> String {
    room.json("node open")["url"].as_str().unwrap().to_owned()
}

#[test]
fn a_stranger_learns_name_version_and_state_and_nothing_else() {
    let room = Room::up();
    let browser = Browser::at(&room);
    let status: Value = serde_json::from_str(&browser.get("/api/status").text).unwrap();
    let mut members: Vec<_> = status.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["name", "state", "version"]);
    assert_eq!(status["state"], "online");

    let page = browser.get("/");
    assert_eq!(page.status, 401);
    assert!(page.text.contains("watchroom node open"), "{}", page.text);
    assert!(page.header("content-security-policy").is_some());
    assert_eq!(browser.get("/enter?code=guessed").status, 401);
    // The node says on its link where its page is.
    let node = &room.json("node list")["items"][0];
    let port = browser.page.rsplit_once(':').unwrap().1;
    assert_eq!(node["port"].to_string(), port);
}

#[test]
fn the_link_of_node_open_lets_one_browser_in_and_no_second() {
    let room = Room::up();
    let url = invitation(&room);
    let mut browser = Browser::at(&room);
    let path = url.strip_prefix(&browser.page).unwrap();
    // A browser that only looks ahead does not use it up.
    let ahead = browser.ask("GET", path, &[("sec-purpose", "prefetch")], "");
    assert_eq!(ahead.status, 503);
    let entered = browser.get(path);
    assert_eq!(
        (entered.status, entered.header("location")),
        (303, Some("/entered"))
    );
    assert_eq!(browser.get(path).status, 401);
    // Without the cookie it is told why it sees nothing.
    let forgetful = browser.get("/entered");
    assert_eq!(forgetful.status, 401);
    assert!(
        forgetful.text.contains("did not keep the cookie"),
        "{}",
        forgetful.text
    );

    browser.keep_cookie(&entered);
    let kept = browser.get("/entered");
    assert_eq!((kept.status, kept.header("location")), (303, Some("/")));
    let page = browser.get("/");
    assert_eq!(page.status, 200);
    assert!(page.text.contains("lamp ok"), "{}", page.text);
    assert!(!page.text.contains("<script"), "{}", page.text);
    let audit = room.json("node audit");
    assert_eq!(audit["items"][0]["action"], "dashboard.enter");
}

#[test]
fn a_name_that_a_page_elsewhere_chose_for_this_machine_is_not_answered() {
    let room = Room::up();
    let browser = Browser::signed_in(&room);
    for path in ["/", "/api/status"] {
        let rebound = browser.ask("GET", path, &[("host", "evil.example:5002")], "");
        assert_eq!(rebound.status, 421, "{path}: {}", rebound.text);
    }
    // What a proxy passes on may come from anywhere.
    let passed_on = browser.ask("GET", "/", &[("x-forwarded-for", "203.0.113.9")], "");
    assert_ne!(passed_on.status, 200);
}

#[test]
fn servers_are_started_and_stopped_by_forms_of_this_page_alone() {
    let room = Room::with_alice();
    let id = room.create("waiter", "sleep 1000");
    let browser = Browser::signed_in(&room);
    assert!(browser.get("/").text.contains("waiter"));
    let start = format!("/servers/{id}/start");
    let form = format!("csrf_token={}", browser.token.as_deref().unwrap());
    let elsewhere = browser.ask("POST", &start, &[("sec-fetch-site", "same-site")], &form);
    assert_eq!(elsewhere.status, 403);
    let without = browser.ask("POST", &start, &[("sec-fetch-site", "same-origin")], "");
    assert_eq!(without.status, 403);
    assert_eq!(room.json("server show waiter")["desired"], "stopped");

    assert_eq!(browser.post(&start).status, 303);
    room.until_server("waiter", "running");
    assert_eq!(browser.post(&format!("/servers/{id}/stop")).status, 303);
    let stopped = room.until_server("waiter", "stopped");
    let reason = stopped["reason"].as_str().unwrap();
    assert!(reason.contains("stopped by"), "{reason}");

    let audit = room.json("node audit");
    let entries = audit["items"].as_array().unwrap();
    let by_hand = |action: &str| {
        entries.iter().any(|entry| {
            let user = entry["user"].as_str().unwrap();
            entry["action"] == action && user.starts_with("local:") && entry["result"] == "success"
        })
    };
    assert!(by_hand("server.start") && by_hand("server.stop"), "{audit}");
    let refused = entries.iter().filter(|entry| entry["action"] == "dashboard.csrf");
    assert_eq!(refused.count(), 1, "{audit}");

    assert_eq!(browser.post("/leave").status, 303);
    assert_eq!(browser.get("/").status, 401);
}

#[test]
fn a_node_that_is_gone_has_no_page_to_open() {
    let mut room = Room::up();
    room.signal(Signal::TERM);
    assert!(!room.state().join("run/endpoints.json").exists());
    let ended = room.run(&["node", "open"]);
    assert_eq!(ended.code(), Some(4), "{}", ended.errors);
    assert!(ended.errors.contains("watchroom up"), "{}", ended.errors);
}

#[test]
fn the_page_does_not_leave_the_machine() {
    let room = Room::empty();
    let ended = room.run(&["up", "--node-listen", "0.0.0.0:5002"]);
    assert_eq!(ended.code(), Some(2), "{}", ended.errors);
    assert!(ended.errors.contains("ssh -L"), "{}", ended.errors);
}

#[test]
fn a_usual_port_that_is_taken_costs_the_node_its_page_and_nothing_else() {
    // Where somebody else has it, it is taken as well.
    let _taken = TcpListener::bind("127.0.0.1:5002");
    let mut room = Room::empty();
    room.start_as(&["up", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]);
    let log = room.log();
    assert!(log.contains("the node has no page of its own"), "{log}");
    assert!(
        log.contains("127.0.0.1:5002") && log.contains("--node-listen"),
        "{log}"
    );
    let open = room.run(&["node", "open"]);
    assert_eq!(open.code(), Some(4), "{}", open.errors);
    assert!(
        open.errors.contains("its log says why it has no page"),
        "{}",
        open.errors
    );
    let nodes = room.run(&["node", "list", "-o", "json"]);
    let nodes: Value = serde_json::from_str(&nodes.out).unwrap();
    assert_eq!(nodes["items"][0]["status"], "online", "{nodes}");
    assert_eq!(nodes["items"][0]["port"], 0, "{nodes}");
}
