//! Stories of the command line as a tree.

use clap::{CommandFactory, Parser};

use super::Cli;

fn walk(command: &clap::Command, path: &str, visit: &mut dyn FnMut(&str, &clap::Command)) {
    let path = format!("{path} {}", command.get_name()).trim().to_owned();
    visit(&path, command);
    for sub in command.get_subcommands() {
        walk(sub, &path, visit);
    }
}

#[test]
fn the_tree_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_that_acts_has_a_purpose_and_an_example() {
    let mut command = Cli::command();
    command.build();
    let mut wanting = Vec::new();
    walk(&command, "", &mut |path, command| {
        let acts = !command.has_subcommands() || !command.is_subcommand_required_set();
        let has_example = command
            .get_after_help()
            .is_some_and(|help| help.to_string().contains("Example"));
        if command.get_about().is_none() || (acts && !has_example) {
            wanting.push(path.to_owned());
        }
    });
    assert!(wanting.is_empty(), "{wanting:?}");
}

#[test]
fn no_argument_takes_a_secret() {
    let mut command = Cli::command();
    command.build();
    walk(&command, "", &mut |path, command| {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            let is_secret = ["password", "secret", "code"]
                .iter()
                .any(|word| name.contains(word));
            assert!(!is_secret || name.ends_with("_file"), "{path} {name}");
        }
    });
}

#[test]
fn global_flags_stand_anywhere() {
    for line in [
        "watchroom --state /tmp/x -o json --quiet -y user list",
        "watchroom user list --state /tmp/x -o json --quiet -y",
        "watchroom --host https://h:7443 --token-file - --ca-file ca.pem server show a --node b",
    ] {
        Cli::try_parse_from(line.split(' ')).unwrap();
    }
}

#[test]
fn what_cannot_be_meant_is_bad_usage() {
    for line in [
        "watchroom",
        "watchroom sing",
        "watchroom user create",
        "watchroom user create alice --password hunter2",
        "watchroom token create --for alice --name ci --expires soon",
        "watchroom --token-file t server list",
        "watchroom server create x",
        "watchroom audit verify --public-key 00",
        "watchroom -o xml version",
    ] {
        let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
#[cfg(all(feature = "host", feature = "node"))]
fn up_takes_all_three_addresses() {
    let line =
        "watchroom --state d up --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0 --node-listen 127.0.0.1:0";
    Cli::try_parse_from(line.split(' ')).unwrap();
}

#[test]
fn the_root_help_lists_what_works() {
    // As wide as it ever gets, wherever the test runs.
    let mut command = Cli::command().term_width(100);
    let help = command.render_help().to_string();
    #[cfg(all(feature = "host", feature = "node"))]
    insta::assert_snapshot!(help);
    assert!(
        help.contains("Exit codes: 0 done, 1 failed, 2 bad usage, 3 refused by policy, 4 not reachable.")
    );
}
