//! Roles: named sets of permissions, with the rate at which their holders may ask.

use serde::{Deserialize, Serialize};

use crate::PermissionSet;
use crate::catalogue::PermissionError;

/// A named set of permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name (`operator`).
    pub name: String,
    /// What it allows.
    pub permissions: PermissionSet,
    /// How many requests a minute its holders may make.
    pub per_minute: u32,
}

/// The built-in roles: name, permissions, requests a minute.
pub const BUILT_IN: &[(&str, &[&str], u32)] = &[
    ("admin", &["*"], 1_000),
    (
        "operator",
        &[
            "nodes:*",
            "storage:*",
            "compute:*",
            "network:*",
            "alerts:*",
            "nets:*",
        ],
        500,
    ),
    (
        "developer",
        &[
            "compute:read",
            "compute:create",
            "compute:debug",
            "storage:read",
            "alerts:read",
            "nets:read",
            "nets:join",
        ],
        200,
    ),
    (
        "viewer",
        &[
            "nodes:read",
            "storage:read",
            "compute:read",
            "network:read",
            "alerts:read",
            "nets:read",
        ],
        100,
    ),
    ("auditor", &["audit:read", "audit:verify"], 100),
    (
        "member",
        &["nets:read", "nets:join", "nets:create", "alerts:read"],
        100,
    ),
];

impl Role {
    /// The built-in role of that name.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, patterns, per_minute) = BUILT_IN.iter().find(|(known, ..)| *known == name)?;
        Self::new(name, patterns, *per_minute).ok()
    }

    /// A role from permission patterns.
    ///
    /// # Errors
    /// [`PermissionError`] if a pattern names nothing.
    pub fn new(name: &str, patterns: &[&str], per_minute: u32) -> Result<Self, PermissionError> {
        let permissions = PermissionSet::parse(patterns.iter().copied())?;
        Ok(Self {
            name: name.to_owned(),
            permissions,
            per_minute,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_role_can_be_made() {
        for (name, ..) in BUILT_IN {
            assert!(Role::built_in(name).is_some(), "{name}");
        }
        assert_eq!(Role::built_in("root"), None);
    }

    #[test]
    fn who_may_do_more_may_ask_more_often() {
        for (name, per_minute) in [
            ("admin", 1_000),
            ("operator", 500),
            ("developer", 200),
            ("viewer", 100),
        ] {
            assert_eq!(Role::built_in(name).unwrap().per_minute, per_minute, "{name}");
        }
    }
}
