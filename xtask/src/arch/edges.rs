//! Edges between our crates, and purity, against the table of rooms.

use cargo_metadata::{Dependency, DependencyKind, Package};

use super::rooms::{IMPURE, ROOMS, Room};
use crate::finding::Finding;
use crate::workspace::Workspace;

/// A crate's folder name from its package name; `None` for what is not ours.
pub(crate) fn room_name(package: &str) -> Option<&str> {
    match package {
        "watchroom" => Some(package),
        _ => package.strip_prefix("watchroom-"),
    }
}

pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace
        .packages()
        .filter(|package| package.name.as_str() != "xtask")
        .flat_map(of_package)
        .collect()
}

fn of_package(package: &Package) -> Vec<Finding> {
    let Some(room) = ROOMS
        .iter()
        .find(|room| room_name(&package.name) == Some(room.name))
    else {
        let remedy =
            "add a row that says why it stands alone to xtask/src/arch/rooms.rs and docs/ARCHITECTURE.md";
        return vec![Finding::new(
            package.name.to_string(),
            "a crate without a room",
            remedy,
        )];
    };
    package
        .dependencies
        .iter()
        .filter_map(|dependency| of_dependency(room, dependency))
        .collect()
}

fn of_dependency(room: &Room, dependency: &Dependency) -> Option<Finding> {
    let place = format!("crates/{}/Cargo.toml", room.name);
    let Some(imported) = room_name(&dependency.name) else {
        return (room.pure && IMPURE.contains(&dependency.name.as_str())).then(|| {
            let fault = format!("{} is pure and may not use {}", room.name, dependency.name);
            Finding::new(place, fault, format!("pass the value in instead: {}", room.why))
        });
    };
    if room.may_import.contains(&imported) || is_test_room(imported, dependency.kind) {
        return None;
    }
    let fault = format!("{} may not import {imported}", room.name);
    Some(Finding::new(
        place,
        fault,
        format!("{}; use a port that watchroom wires", room.why),
    ))
}

/// Any crate's tests may open a room of the testkit.
fn is_test_room(imported: &str, kind: DependencyKind) -> bool {
    imported == "testkit" && kind == DependencyKind::Development
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_names_become_rooms() {
        assert_eq!(room_name("watchroom-link"), Some("link"));
        assert_eq!(room_name("watchroom"), Some("watchroom"));
        assert_eq!(room_name("tokio"), None);
    }

    #[test]
    fn only_tests_may_open_the_testkit() {
        assert!(is_test_room("testkit", DependencyKind::Development));
        assert!(!is_test_room("testkit", DependencyKind::Normal));
        assert!(!is_test_room("store", DependencyKind::Development));
    }
}
