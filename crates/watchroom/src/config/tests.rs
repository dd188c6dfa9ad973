//! Stories of the configuration, on real files; with all sections, so only in the whole build.
#![cfg(all(feature = "host", feature = "node"))]

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;
use watchroom_kit::config::{Problems, Section};
use watchroom_model::HostName;

use super::leaf::find;
use super::security::Bound;
use super::*;
use crate::environment::Environment;

struct Room {
    folder: tempfile::TempDir,
    sources: Sources,
}

impl Room {
    fn with(file: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watchroom.toml");
        fs::write(&path, file).unwrap();
        Self {
            folder,
            sources: Sources {
                file: Some(path),
                ..Sources::default()
            },
        }
    }

    fn drop_in(self, name: &str, text: &str) -> Self {
        let folder = self.folder.path().join("watchroom.toml.d");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), text).unwrap();
        self
    }

    fn environment<const N: usize>(mut self, variables: [(&str, &str); N]) -> Self {
        self.sources.environment = Environment::of(variables);
        self
    }

    fn flag(mut self, key: &'static str, text: &str, name: &'static str) -> Self {
        self.sources.flags.push((key, text.to_owned(), name));
        self
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Every problem, one a line, with the room's folder left out.
    fn problems(&self) -> String {
        let error = self.sources.load().unwrap_err();
        let lines: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        lines
            .join("\n")
            .replace(&format!("{}/", self.folder.path().display()), "")
    }
}

#[test]
fn every_problem_is_reported_at_once_with_file_line_and_key() {
    let room = Room::with(
        "[host]\nlisten = \"nowhere\"\nlisen = \"[::]:1\"\n\n[node]\nname = \"-\"\nlisten = \"192.0.2.1:5002\"\n\
         [hots]\nx = 1\n[security]\nprofile = 7\n",
    )
    .drop_in("10-more.toml", "# first line\n[shield]\nhandler_s = 9999\nheaders = true\n")
    .environment([("WATCHROOM_SHIELD__HANDLER", "1"), ("WATCHROOM_SECURITY__PROFILE", "lax")]);
    insta::assert_snapshot!(room.problems());
}

#[test]
fn a_database_whose_address_leaks_or_is_not_protected_is_refused_where_it_stands() {
    let refused = |url: &str| Room::with(&format!("[host]\n[store]\nurl = \"{url}\"\n")).problems();
    let leaks = refused("postgres://watchroom:secret@db.example/watchroom");
    assert!(
        leaks.starts_with("watchroom.toml:3: store.url: a password does not belong"),
        "{leaks}"
    );
    assert!(!leaks.contains("secret"), "{leaks}");
    let clear = refused("postgres://watchroom@db.example/watchroom?sslmode=disable");
    assert!(clear.contains("use sslmode=verify-full"), "{clear}");
    let variable = [(
        "WATCHROOM_STORE__URL",
        "postgres://watchroom@%2Frun%2Fpostgresql/watchroom",
    )];
    let loaded = Room::with("").environment(variable).sources.load().unwrap();
    let server = loaded.config.store.server().unwrap().unwrap();
    assert_eq!(server.to_string(), "postgres:///run/postgresql:5432/watchroom");
}

#[test]
fn a_file_that_is_no_toml_is_named_with_its_line() {
    let room = Room::with("[host]\nlisten = \n").drop_in("a.toml", "[shield]\ndrain = 1\n");
    let problems = room.problems();
    assert!(problems.starts_with("watchroom.toml:2: "), "{problems}");
    assert!(
        problems
            .contains("watchroom.toml.d/a.toml:2: shield.drain: unknown key; did you mean shield.drain_s?"),
        "{problems}"
    );
}

#[test]
fn a_key_in_the_wrong_section_is_shown_its_place() {
    let problems = Room::with("[host]\nprofile = \"asvs\"\n").problems();
    assert_eq!(
        problems,
        "watchroom.toml:2: host.profile: unknown key; did you mean security.profile?"
    );
}

#[test]
fn flags_win_over_environment_over_secret_files_over_drop_ins_over_the_file_over_defaults() {
    let drain = |room: &Room| {
        let loaded = room.sources.load().unwrap();
        (
            loaded.config.shield.drain_s,
            loaded.origin("shield.drain_s").to_string(),
        )
    };
    let room = Room::with("");
    assert_eq!(drain(&room), (10, "default".to_owned()));
    let room = Room::with("[shield]\ndrain_s = 1\n");
    assert!(drain(&room).1.ends_with("watchroom.toml:2"));
    let room = room
        .drop_in("b.toml", "shield.drain_s = 3")
        .drop_in("a.toml", "shield.drain_s = 2");
    assert_eq!(drain(&room).0, 3);
    assert!(drain(&room).1.ends_with("b.toml:1"));
    let secret = room.file("secret", "4\n");
    let room = room.environment([("WATCHROOM_SHIELD__DRAIN_S_FILE", secret.to_str().unwrap())]);
    assert_eq!(drain(&room), (4, secret.display().to_string()));
    let room = room.environment([
        ("WATCHROOM_SHIELD__DRAIN_S_FILE", secret.to_str().unwrap()),
        ("WATCHROOM_SHIELD__DRAIN_S", "5"),
    ]);
    assert_eq!(drain(&room), (5, "WATCHROOM_SHIELD__DRAIN_S".to_owned()));
    let room = room.flag("shield.drain_s", "6", "--drain");
    assert_eq!(drain(&room), (6, "--drain".to_owned()));
}

#[test]
fn text_takes_the_type_its_key_wants() {
    let room = Room::with("").environment([
        ("WATCHROOM_HOST__LISTEN", "127.0.0.1:0"),
        ("WATCHROOM_HOST__NAMES", "watch.example, 192.0.2.7"),
        ("WATCHROOM_NODE__NAME", "attic"),
        ("WATCHROOM_SECURITY__PROFILE", "asvs"),
        ("WATCHROOM_LOG", "debug"),
    ]);
    let config = room.sources.load().unwrap().config;
    assert_eq!(config.host.listen.to_string(), "127.0.0.1:0");
    assert_eq!(config.host.names.len(), 2);
    assert_eq!(config.node.name.unwrap().as_str(), "attic");
    assert_eq!(config.security.profile, Profile::Asvs);
    let room = Room::with("").environment([("WATCHROOM_HOST__NAMES", "[\"one.example\"]")]);
    assert_eq!(room.sources.load().unwrap().config.host.names.len(), 1);
}

#[test]
fn a_profile_sets_what_nobody_said_and_its_keys_are_real() {
    let profile = "security.profile = \"asvs\"\n";
    let loaded = Room::with(profile).sources.load().unwrap();
    assert!(!loaded.config.identity.password.mixed);
    assert_eq!(
        loaded.origin("identity.password.mixed").to_string(),
        "security.profile"
    );
    let said = Room::with(&format!("{profile}identity.password.mixed = true\n"));
    assert!(said.sources.load().unwrap().config.identity.password.mixed);
    assert!(Config::default().identity.password.mixed);
    let defaults = serde_json::to_value(Config::default()).unwrap();
    for rule in Profile::Asvs.usual() {
        let path: Vec<String> = rule.key.split('.').map(str::to_owned).collect();
        assert!(find(&defaults, &path).is_some(), "there is no {}", rule.key);
        assert_eq!(rule.refuses(&rule.usual.into()), None, "{}", rule.key);
    }
}

#[test]
fn a_profile_takes_what_is_stricter_and_names_the_line_of_what_is_weaker() {
    let stricter = "security.profile = \"asvs\"\nidentity.session.idle_s = 900\n";
    let loaded = Room::with(stricter).sources.load().unwrap();
    assert_eq!(loaded.config.identity.session.idle_s, 900);
    assert_eq!(loaded.config.identity.session.longest_s, 43_200);
    assert_eq!(loaded.config.identity.second_factors.required_roles, ["*"]);
    let weaker = "[security]\nprofile = \"asvs\"\n[identity.session]\nidle_s = 28800\n\
                  [identity.second_factors]\nrequired_roles = [\"admin\"]\n[tls]\nkey = \"rsa2048\"\n";
    assert_eq!(
        Room::with(weaker).problems(),
        "watchroom.toml:4: identity.session.idle_s: is weaker than the profile asvs takes (7.3.1): at most 1800\n\
         watchroom.toml:6: identity.second_factors.required_roles: is weaker than the profile asvs takes (6.3.3): [\"*\"]\n\
         watchroom.toml:8: tls.key: is weaker than the profile asvs takes (11.2.3): \"ecdsa-p256\""
    );
    let standard = weaker.replace("asvs", "standard");
    assert!(Room::with(&standard).sources.load().is_ok());
}

#[test]
fn the_table_of_the_profile_says_what_the_program_does() {
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let rows = Profile::Asvs.usual().iter().map(|rule| {
        let path: Vec<String> = rule.key.split('.').map(str::to_owned).collect();
        let (standard, usual) = (find(&defaults, &path).unwrap(), Value::from(rule.usual));
        let bound = match rule.bound {
            Bound::Any => "anything",
            Bound::None => "nothing",
            Bound::Smaller => "what is smaller",
        };
        format!(
            "| `{}` | `{standard}` | `{usual}` | {bound} | {} |\n",
            rule.key, rule.asked_by
        )
    });
    let rows: String = rows.collect();
    let page = include_str!("../../../../docs/security/profile.md");
    assert!(page.contains(&rows), "docs/security/profile.md wants:\n{rows}");
}

#[test]
fn systemd_credentials_are_read_and_what_they_set_is_hidden() {
    let room = Room::with("");
    let folder = room.folder.path().join("credentials");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("watchroom.node.name"), "attic\n").unwrap();
    fs::write(folder.join("other-program"), "x").unwrap();
    let room = room.environment([("CREDENTIALS_DIRECTORY", folder.to_str().unwrap())]);
    let loaded = room.sources.load().unwrap();
    assert_eq!(loaded.config.node.name.as_ref().unwrap().as_str(), "attic");
    let shown = loaded.shown(true).unwrap();
    let name = shown.iter().find(|shown| shown.key == "node.name").unwrap();
    assert_eq!(name.value, Value::from("(hidden)"));
    assert!(name.origin.as_ref().unwrap().ends_with("watchroom.node.name"));
    fs::write(folder.join("watchroom.node.nam"), "x").unwrap();
    assert!(
        room.problems().contains("did you mean node.name?"),
        "{}",
        room.problems()
    );
}

#[test]
fn what_a_node_allows_is_read_from_its_own_file_and_from_there_alone() {
    let room = Room::with("");
    room.file("node.toml", "[rules]\nrefuse = [\"console\"]\n");
    let rules = room.sources.load().unwrap().allowed.rules;
    assert_eq!(rules.refuse, [watchroom_model::OrderKind::Console]);
    assert!(!rules.same_account && rules.file.ends_with("node.toml"));
    room.file("node.toml", "[rules]\nsame_account = true\n");
    assert!(room.sources.load().unwrap().allowed.rules.same_account);
    room.file("node.toml", "\n[rules]\nrefuse = [\"consol\"]\nfolder = []\n");
    let problems = room.problems();
    assert!(
        problems.contains("node.toml:3: rules.refuse: unknown variant `consol`"),
        "{problems}"
    );
    assert!(
        problems.contains("node.toml:4: rules.folder: unknown key; did you mean rules.folders?"),
        "{problems}"
    );
    room.file(
        "node.toml",
        "[power]\nrestart = true\nrestart_command = [\"reboot\"]\n",
    );
    let problems = room.problems();
    assert!(
        problems.contains("node.toml:3: power.restart_command: reboot is not the absolute path of a program"),
        "{problems}"
    );
    let room = Room::with("[rules]\nrefuse = []\n");
    assert!(
        room.problems()
            .starts_with("watchroom.toml:1: rules: unknown key"),
        "{}",
        room.problems()
    );
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let sources = Sources {
        file: Some("/nowhere/watchroom.toml".into()),
        ..Sources::default()
    };
    assert!(matches!(sources.load(), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn the_defaults_are_right_and_sections_are_found_under_their_own_names() {
    let loaded = Room::with("").sources.load().unwrap();
    assert!(
        loaded
            .shown(true)
            .unwrap()
            .iter()
            .all(|shown| shown.origin.as_deref() == Some("default"))
    );
    for (field, name) in Config::names() {
        assert_eq!(field, name);
    }
}

proptest! {
    /// The edge stands alone and has a rule of its own for host names.
    #[test]
    fn the_edge_takes_the_hosts_that_are_host_names_or_addresses(
        text in "\\*|[a-zA-Z0-9_.-]{0,12}|[0-9.]{7,15}|[0-9a-f:]{2,20}|([a-z-]{60,64}\\.){1,4}[a-z]{0,10}|\\PC{0,8}",
    ) {
        let mut problems = Problems::default();
        let config = watchroom_shield::Config { hosts: vec![text.clone()], ..Default::default() };
        config.check(&mut problems);
        let is_one = text == "*" || text.parse::<IpAddr>().is_ok() || text.parse::<HostName>().is_ok();
        prop_assert_eq!(problems.into_vec().is_empty(), is_one, "{}", text);
    }

    /// Any subset of the defaults, written as a file, reads back as the defaults.
    #[test]
    fn defaults_round_trip_through_a_file(chosen in proptest::collection::vec(any::<bool>(), 64)) {
        let tree = serde_json::to_value(Config::default()).unwrap();
        let kept = leaf::leaves(&tree).into_iter().zip(chosen.iter().cycle());
        let lines = kept.filter(|((_, value), chosen)| **chosen && !value.is_null());
        let text: String = lines.map(|((key, value), _)| format!("{key} = {}\n", toml(value))).collect();
        let loaded = Room::with(&text).sources.load();
        let read = serde_json::to_value(loaded.unwrap().config).unwrap();
        prop_assert_eq!(read, tree);
    }

    #[test]
    fn no_file_makes_it_panic(text in "[\\[\\]a-z_.=\"0-9\\n{}, #]{0,80}") {
        drop(Room::with(&text).sources.load());
    }
}

fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(key, value)| format!("{key} = {}", toml(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        plain => plain.to_string(),
    }
}
