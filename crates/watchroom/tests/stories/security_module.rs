//! The keys of the authorities in a security module: a token of SoftHSM, reached by PKCS #11 as one of metal is.

mod unused;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::room::{Room, ended, wait_for};

const PIN: &str = "4711-0815";

/// Where Debian puts SoftHSM on any architecture.
const LIBRARY: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A module with one token in a room's folder.
struct Token {
    folder: PathBuf,
}

impl Token {
    fn of(room: &Room) -> Self {
        let folder = room.path().join("softhsm");
        fs::create_dir_all(folder.join("tokens")).unwrap();
        let text = format!("directories.tokendir = {}/tokens\n", folder.display());
        fs::write(folder.join("softhsm2.conf"), text).unwrap();
        let token = Self { folder };
        token.write_pin();
        token.label("watchroom");
        token
    }

    fn write_pin(&self) {
        let file = self.folder.join("pin");
        fs::write(&file, PIN).unwrap();
        fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    }

    fn configuration(&self) -> String {
        self.folder.join("softhsm2.conf").display().to_string()
    }

    /// Makes another token.
    fn label(&self, label: &str) {
        let mut command = Command::new("softhsm2-util");
        command.args([
            "--init-token",
            "--free",
            "--label",
            label,
            "--so-pin",
            "12345678",
            "--pin",
            PIN,
        ]);
        command
            .env("SOFTHSM2_CONF", self.configuration())
            .stdin(Stdio::null());
        let ended = ended(&mut command, "");
        assert!(ended.status.success(), "{}", ended.errors);
    }

    /// As somebody who pulls it out of its slot.
    fn pull(&self) {
        fs::rename(self.folder.join("tokens"), self.folder.join("pulled")).unwrap();
        fs::create_dir(self.folder.join("tokens")).unwrap();
    }

    /// As somebody who puts it back.
    fn put_back(&self) {
        fs::remove_dir_all(self.folder.join("tokens")).unwrap();
        fs::rename(self.folder.join("pulled"), self.folder.join("tokens")).unwrap();
    }

    /// How many keys are in it: whoever may log in sees them as objects, each pair as two files.
    fn keys(&self) -> usize {
        let tokens = fs::read_dir(self.folder.join("tokens")).unwrap();
        let files = tokens.flat_map(|token| fs::read_dir(token.unwrap().path()).unwrap());
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let objects = names.filter(|name| name.ends_with(".object") && name != "token.object");
        objects.count() / 2
    }
}

/// A process that lends a token to others over a socket (p11-kit), and the processes that it starts for each.
struct Lender {
    process: Child,
    socket: PathBuf,
}

impl Lender {
    fn of(token: &Token) -> Self {
        let socket = token.folder.join("socket");
        let mut command = Command::new("p11-kit");
        command.args(["server", "--foreground", "--name"]).arg(&socket);
        command.args(["--provider", LIBRARY, "pkcs11:token=watchroom"]);
        command
            .env("SOFTHSM2_CONF", token.configuration())
            .process_group(0);
        let log = fs::File::create(token.folder.join("lender.log")).unwrap();
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        let lender = Self {
            process: process.unwrap(),
            socket,
        };
        wait_for("the token is lent", || lender.socket.exists().then_some(()));
        lender
    }

    fn address(&self) -> String {
        format!("unix:path={}", self.socket.display())
    }

    /// Stops it in the middle of whatever it does, or lets it go on.
    fn signal(&self, signal: Signal) {
        kill_process_group(Pid::from_child(&self.process), signal).unwrap();
    }

    /// What lends the token ends, with all that it has started.
    fn end(mut self) {
        self.signal(Signal::KILL);
        self.process.wait().unwrap();
        fs::remove_file(&self.socket).unwrap();
    }
}

/// The library by which a lent token is reached, which lies where the architecture says.
fn client() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap();
    let mut found = folders.map(|folder| folder.unwrap().path().join("pkcs11/p11-kit-client.so"));
    found.find(|library| library.exists()).unwrap()
}

/// The section `keys`, with these lines besides.
fn section(token: &Token, besides: &str) -> String {
    let pin = token.folder.join("pin");
    format!(
        "[keys]\nmodule = \"{LIBRARY}\"\npin_file = \"{}\"\n{besides}\n",
        pin.display()
    )
}

fn configure(room: &Room, text: &str) {
    fs::write(room.configuration(), text).unwrap();
}

/// A room whose Host has its keys in a module from its first start, with the lines besides in its configuration.
fn room_with(besides: &str) -> (Room, Token) {
    let mut room = Room::empty();
    let token = Token::of(&room);
    room.set("SOFTHSM2_CONF", &token.configuration());
    configure(&room, &section(&token, besides));
    room.start();
    room.add_user("alice", "admin");
    (room, token)
}

fn stop(room: &mut Room) {
    let (status, _) = room.signal(Signal::TERM);
    assert!(status.success(), "{status:?}\n{}", room.log());
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn until_online(room: &Room) {
    wait_for("the node is online", || {
        let nodes = room.json("cluster nodes");
        (nodes["items"][0]["status"] == "online").then_some(())
    });
}

/// What the doctor says of keys: the finding and the evidence.
fn doctor(room: &Room) -> (String, String) {
    let out = room.run(&["doctor", "-o", "json"]).out;
    let told: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
    let checks = told["items"].as_array().or_else(|| told.as_array()).unwrap();
    let check = checks.iter().find(|check| check["id"] == "keys").unwrap();
    let word = |name: &str| check[name].as_str().unwrap().to_owned();
    (word("finding"), word("evidence"))
}

/// Rotates the cluster CA, and waits until the one before it has retired.
fn rotate(room: &Room) {
    let before = room.authority();
    room.done("cluster ca rotate");
    let after = room.authority();
    assert_ne!(after, before);
    wait_for("the CA before has retired", || {
        let ca = &room.json("cluster status")["cluster"]["ca"];
        assert_eq!(ca["fingerprint"], *after);
        ca["retires_at"].is_null().then_some(())
    });
    until_online(room);
}

#[test]
fn keys_are_made_in_the_module_and_sign_there() {
    let (mut room, _token) = room_with("panel_certificate = true");
    for file in ["keys/panel-ca.key", "ssl/server.key"] {
        let kept = text(&room.state().join(file));
        assert!(kept.starts_with("pkcs11:id=%"), "{file}: {kept}");
        assert!(!kept.contains("PRIVATE KEY"), "{file}");
    }
    // Browsers and nodes meet what it signed: the one trusts the panel's authority alone, the other the cluster's.
    assert_eq!(room.stranger().get("/login").status, 200);
    until_online(&room);
    assert_eq!(doctor(&room).0, "good");
    assert_eq!(room.json("tls verify")["key_matches"], true);

    let key = text(&room.state().join("ssl/server.key"));
    room.done("tls generate");
    assert_eq!(
        text(&room.state().join("ssl/server.key")),
        key,
        "the module is not filled with keys"
    );
    stop(&mut room);
    room.start();
    until_online(&room);
    rotate(&room);
    assert_eq!(doctor(&room).0, "good");
    stop(&mut room);
    let rotated = room.run(&["cluster", "secret", "rotate", "-y"]);
    assert!(rotated.status.success(), "{}", rotated.errors);
    room.start();
    until_online(&room);
}

#[test]
fn a_cluster_moves_into_a_module_by_a_rotation_and_out_again() {
    let mut room = Room::with_alice();
    until_online(&room);
    let token = Token::of(&room);
    room.set("SOFTHSM2_CONF", &token.configuration());
    stop(&mut room);
    configure(&room, &section(&token, ""));
    room.start();
    assert_eq!(doctor(&room).0, "warning", "the key is where it was");
    rotate(&room);
    let (finding, evidence) = doctor(&room);
    assert_eq!(
        finding, "advice",
        "the panel's authority is where it was: {evidence}"
    );
    assert!(
        evidence
            .starts_with("in the security module \"watchroom\", and signing: the keys of the cluster CA;"),
        "{evidence}"
    );

    stop(&mut room);
    for file in [
        "keys/panel-ca.key",
        "keys/panel-ca.crt",
        "ssl/server.key",
        "ssl/server.crt",
    ] {
        fs::remove_file(room.state().join(file)).unwrap();
    }
    configure(&room, &section(&token, "make_new = false"));
    room.start();
    rotate(&room);
    stop(&mut room);
    configure(&room, "");
    room.start();
    until_online(&room);
    assert!(doctor(&room).1.contains("held by this program"));
}

#[test]
fn a_host_whose_module_does_not_open_says_what_to_do() {
    let (mut room, token) = room_with("");
    stop(&mut room);
    let refused = |room: &Room, configuration: &str, words: &[&str]| {
        configure(room, configuration);
        let ended = room.refused_up();
        for word in words {
            assert!(ended.errors.contains(word), "{word}: {}", ended.errors);
        }
    };
    refused(&room, "", &["is in a security module", "keys.module"]);
    let nowhere = section(&token, "").replace(LIBRARY, "/nowhere.so");
    refused(&room, &nowhere, &["/nowhere.so", "correct keys.module"]);
    let another = section(&token, "token = \"spare\"");
    refused(&room, &another, &["no token \"spare\" (it has: \"watchroom\")"]);
    token.label("spare");
    refused(
        &room,
        &another,
        &["has no usable key pkcs11:id=%", "restore the token"],
    );
    fs::write(token.folder.join("pin"), "0000").unwrap();
    refused(
        &room,
        &section(&token, ""),
        &[
            "refuses the PIN (PinIncorrect)",
            "correct keys.pin_file",
            "pin.tried",
        ],
    );
    // However often a unit starts it again: a token locks itself after a few. Whether it is another PIN by now is not
    // looked at: that would have to be remembered.
    fs::write(token.folder.join("pin"), PIN).unwrap();
    refused(
        &room,
        &section(&token, ""),
        &["has refused the PIN before", "pin.tried"],
    );
    fs::remove_file(room.state().join("keys/pin.tried")).unwrap();
    fs::remove_file(token.folder.join("pin")).unwrap();
    refused(
        &room,
        &section(&token, ""),
        &["cannot be read", "correct keys.pin_file"],
    );
    let ours = token.folder.join("library.so");
    fs::copy(LIBRARY, &ours).unwrap();
    fs::set_permissions(&ours, Permissions::from_mode(0o775)).unwrap();
    let open = section(&token, "").replace(LIBRARY, &ours.display().to_string());
    refused(&room, &open, &["other users can change it", "chmod go-w"]);
    let half = format!("[keys]\nmodule = \"{LIBRARY}\"\n");
    refused(&room, &half, &["keys.pin_file", "is needed beside keys.module"]);
    let relative = section(&token, "").replace(LIBRARY, "libsofthsm2.so");
    refused(&room, &relative, &["keys.module", "absolute path"]);
    token.write_pin();
    configure(&room, &section(&token, ""));
    room.start();
    until_online(&room);
    assert!(!room.state().join("keys/pin.tried").exists());
}

#[test]
fn a_module_in_another_process_keeps_the_keys_out_of_the_host_and_may_begin_anew() {
    let mut room = Room::empty();
    let token = Token::of(&room);
    let lender = Lender::of(&token);
    room.set("P11_KIT_SERVER_ADDRESS", &lender.address());
    let besides = section(&token, "panel_certificate = true");
    configure(&room, &besides.replace(LIBRARY, &client().display().to_string()));
    room.start();
    room.add_user("alice", "admin");
    until_online(&room);
    let mapped = text(Path::new(&format!("/proc/{}/maps", room.process())));
    assert!(mapped.contains("p11-kit-client.so"));
    assert!(!mapped.contains("softhsm"), "the keys are in another process");

    lender.end();
    assert_eq!(doctor(&room).0, "bad");
    let lender = Lender::of(&token);
    let (finding, evidence) = doctor(&room);
    assert_eq!(finding, "good", "{evidence}");
    assert_eq!(room.stranger().get("/login").status, 200);
    rotate(&room);
    stop(&mut room);
    lender.end();
}

#[test]
fn the_doctor_tells_of_a_module_that_was_pulled_out_and_all_goes_on() {
    let (room, token) = room_with("");
    until_online(&room);
    token.pull();
    let (finding, evidence) = doctor(&room);
    assert_eq!(finding, "bad", "{evidence}");
    // Whoever is linked stays so, and the panel's certificate is held by the Host itself.
    until_online(&room);
    assert_eq!(room.stranger().get("/login").status, 200);
    token.put_back();
    let (finding, evidence) = doctor(&room);
    assert_eq!(finding, "good", "{evidence}");
    rotate(&room);
}

#[test]
fn a_module_that_does_not_answer_keeps_nobody_else_waiting() {
    let mut room = Room::empty();
    let token = Token::of(&room);
    let lender = Lender::of(&token);
    room.set("P11_KIT_SERVER_ADDRESS", &lender.address());
    configure(
        &room,
        &section(&token, "").replace(LIBRARY, &client().display().to_string()),
    );
    room.start();
    room.add_user("alice", "admin");
    until_online(&room);

    lender.signal(Signal::STOP);
    let (finding, evidence) = doctor(&room);
    assert_eq!(finding, "bad");
    assert!(evidence.contains("does not answer"), "{evidence}");
    let rotated = room.run(&["cluster", "ca", "rotate"]);
    assert!(!rotated.status.success(), "{}", rotated.out);
    assert!(room.log().contains("the security module does not answer"));
    assert_eq!(room.stranger().get("/login").status, 200);
    until_online(&room);
    lender.signal(Signal::CONT);
    wait_for("it answers again", || (doctor(&room).0 == "good").then_some(()));
    rotate(&room);
    stop(&mut room);
    lender.end();
}

#[test]
fn the_panels_key_moves_into_the_module_and_out_as_it_is_configured() {
    let (mut room, token) = room_with("");
    let key = room.state().join("ssl/server.key");
    assert!(text(&key).contains("PRIVATE KEY"));
    let before = token.keys();
    let mut with = |besides: &str| {
        stop(&mut room);
        configure(&room, &section(&token, besides));
        room.start();
        assert_eq!(room.stranger().get("/login").status, 200, "{besides}");
        text(&key)
    };
    let named = with("panel_certificate = true");
    assert!(named.starts_with("pkcs11:id=%"), "{named}");
    assert_eq!(token.keys(), before + 1);
    // One that is there stays, though no new ones are made.
    assert_eq!(with("panel_certificate = true\nmake_new = false"), named);
    fs::write(&key, "pkcs11:id=lost\n").unwrap();
    let another = with("panel_certificate = true");
    assert!(
        another.starts_with("pkcs11:id=%") && another != named,
        "{another}"
    );
    assert!(with("").contains("PRIVATE KEY"));
    assert!(with("panel_certificate = true\nmake_new = false").contains("PRIVATE KEY"));
}

#[test]
fn the_doctor_has_a_given_key_sign_too_if_it_is_in_the_module() {
    let (mut room, token) = room_with("panel_certificate = true");
    stop(&mut room);
    // What nobody remembers to have made was given.
    fs::remove_file(room.state().join("ssl/made-by-watchroom.json")).unwrap();
    room.start();
    let (finding, evidence) = doctor(&room);
    assert_eq!(finding, "good");
    assert!(evidence.contains("the panel's certificate"), "{evidence}");
    token.pull();
    let (finding, evidence) = doctor(&room);
    assert_eq!(finding, "bad");
    assert!(evidence.contains("the panel's certificate"), "{evidence}");
    token.put_back();
}

#[test]
fn a_given_key_has_one_name_of_the_right_token_or_is_refused() {
    let (mut room, _token) = room_with("panel_certificate = true");
    let key = room.state().join("ssl/server.key");
    let name = text(&key);
    let judged = |told: &str| {
        fs::write(&key, told).unwrap();
        let verified = room.run(&["tls", "verify"]);
        (verified.status.success(), verified.errors)
    };
    let id = name.trim().trim_start_matches("pkcs11:");
    assert!(judged(&format!("pkcs11:token=watchroom;{id}")).0);
    for (told, why) in [
        (format!("pkcs11:token=spare;{id}"), "its name is of another token"),
        (format!("{name}{name}"), "several names"),
        ("pkcs11:token=watchroom\n".to_owned(), "has no id"),
        ("pkcs11:id=nobody\n".to_owned(), "no public key of this id"),
    ] {
        let (is_good, errors) = judged(&told);
        assert!(!is_good && errors.contains(why), "{told}: {errors}");
    }
    fs::write(&key, &name).unwrap();
    stop(&mut room);
}
