//! The catalogue: every permission there is, in one table from which docs, matrix and checks are made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One permission, `resource:verb`. A small number inside; its name comes from the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(u8);

macro_rules! catalogue {
    ($($constant:ident = $name:literal, $about:literal;)+) => {
        /// Names of all permissions and what each allows, in the catalogue's order.
        pub const PERMISSIONS: &[(&str, &str)] = &[$(($name, $about)),+];

        /// The permissions as constants.
        pub mod permission {
            use super::Permission;

            #[expect(non_camel_case_types, reason = "only counts the rows of the table")]
            #[repr(u8)]
            enum Row { $($constant),+ }

            $(
                #[doc = $about]
                pub const $constant: Permission = Permission(Row::$constant as u8);
            )+
        }
    };
}

catalogue! {
    NODES_READ = "nodes:read", "See nodes and their state";
    NODES_APPROVE = "nodes:approve", "Let machines in, or turn them away";
    NODES_MODIFY = "nodes:modify", "Change, restart, shut down and revoke nodes";
    COMPUTE_READ = "compute:read", "See servers and read their consoles";
    COMPUTE_CREATE = "compute:create", "Create servers from templates";
    COMPUTE_CONTROL = "compute:control", "Start, stop and restart servers";
    COMPUTE_CONSOLE = "compute:console", "Send lines to a server's console";
    COMPUTE_DEBUG = "compute:debug", "See a server's environment without secrets, its processes and core facts";
    COMPUTE_DELETE = "compute:delete", "Remove servers";
    COMPUTE_COMMAND = "compute:command", "Give a server a free command instead of a template";
    STORAGE_READ = "storage:read", "See pools and snapshots";
    STORAGE_WRITE = "storage:write", "Make, restore and remove snapshots";
    NETWORK_READ = "network:read", "See allow-lists, bans and proxies";
    NETWORK_MODIFY = "network:modify", "Change allow-lists, bans and proxies";
    ALERTS_READ = "alerts:read", "See alerts";
    ALERTS_CREATE = "alerts:create", "Raise alerts";
    ALERTS_ACKNOWLEDGE = "alerts:acknowledge", "Acknowledge alerts";
    ALERTS_MANAGE = "alerts:manage", "Change rules and channels";
    NETS_READ = "nets:read", "See nets";
    NETS_JOIN = "nets:join", "Take part in nets";
    NETS_CREATE = "nets:create", "Open nets";
    NETS_MANAGE = "nets:manage", "Run and close any net";
    USERS_READ = "users:read", "See people";
    USERS_MANAGE = "users:manage", "Create, change and disable people";
    ROLES_READ = "roles:read", "See roles and grants";
    ROLES_MANAGE = "roles:manage", "Change roles and grants";
    TOKENS_READ = "tokens:read", "See everybody's tokens";
    TOKENS_MANAGE = "tokens:manage", "Make and revoke tokens for others";
    AUDIT_READ = "audit:read", "Read and export the audit log";
    AUDIT_VERIFY = "audit:verify", "Verify the audit chain";
    SETTINGS_READ = "settings:read", "See settings";
    SETTINGS_MANAGE = "settings:manage", "Change settings";
}

impl Permission {
    /// Its name, `resource:verb`.
    #[must_use]
    pub fn name(self) -> &'static str {
        PERMISSIONS.get(usize::from(self.0)).map_or("", |(name, _)| name)
    }

    const fn bit(self) -> u64 {
        1 << self.0
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of permissions: one word, so that asking costs one instruction.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct PermissionSet(u64);

/// A pattern that names no permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} names no permission; it must be *, resource:* or resource:verb from the catalogue")]
pub struct PermissionError {
    /// What was given.
    pub pattern: String,
}

impl PermissionSet {
    /// No permission.
    pub const NONE: Self = Self(0);
    /// Every permission there is: `*`.
    pub const ALL: Self = Self(if PERMISSIONS.len() >= 64 {
        u64::MAX
    } else {
        (1 << PERMISSIONS.len()) - 1
    });

    /// A set of the given permissions.
    #[must_use]
    pub const fn of(permissions: &[Permission]) -> Self {
        let mut bits = 0;
        let mut rest = permissions;
        while let [first, tail @ ..] = rest {
            bits |= first.bit();
            rest = tail;
        }
        Self(bits)
    }

    /// Reads patterns: `*`, `resource:*` or `resource:verb`.
    ///
    /// # Errors
    /// [`PermissionError`] for the first pattern that names nothing.
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, PermissionError> {
        let mut set = Self::NONE;
        for pattern in patterns {
            let one: Self = pattern.parse()?;
            set = set.union(one);
        }
        Ok(set)
    }

    /// Whether the permission is in the set.
    #[must_use]
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether all of `other` is in the set.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Its members in the catalogue's order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        (0_u8..64)
            .map(Permission)
            .filter(move |permission| self.has(*permission) && !permission.name().is_empty())
    }
}

impl FromStr for PermissionSet {
    type Err = PermissionError;

    fn from_str(pattern: &str) -> Result<Self, PermissionError> {
        let matches = |name: &str| match pattern.strip_suffix(":*") {
            Some(resource) => name.split_once(':').is_some_and(|(of, _)| of == resource),
            None => pattern == "*" || pattern == name,
        };
        let bits = PERMISSIONS
            .iter()
            .zip(0_u8..)
            .filter(|((name, _), _)| matches(name))
            .fold(0, |bits, (_, row)| bits | Permission(row).bit());
        if bits == 0 {
            Err(PermissionError {
                pattern: pattern.to_owned(),
            })
        } else {
            Ok(Self(bits))
        }
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for PermissionSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::ALL {
            return serializer.collect_seq(["*"]);
        }
        serializer.collect_seq(self.iter().map(Permission::name))
    }
}

impl<'de> Deserialize<'de> for PermissionSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let patterns = Vec::<String>::deserialize(deserializer)?;
        Self::parse(patterns.iter().map(String::as_str)).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_exactly_by_resource_or_everything() {
        let nodes: PermissionSet = "nodes:*".parse().unwrap();
        assert!(nodes.has(permission::NODES_APPROVE) && !nodes.has(permission::NETS_READ));
        let all: PermissionSet = "*".parse().unwrap();
        assert_eq!(all, PermissionSet::ALL);
        assert_eq!(all.iter().count(), PERMISSIONS.len());
        for wrong in ["", "nodes", "node:*", "nodes:rea", "*:read", "nodes:**"] {
            assert!(wrong.parse::<PermissionSet>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_and_constants_agree() {
        assert_eq!(permission::NODES_READ.name(), "nodes:read");
        assert_eq!(permission::SETTINGS_MANAGE.name(), "settings:manage");
    }
}
