//! The tree: every section by its name. Adding a section is one line here.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};

use super::security::Rule;
use super::{HostSection, KeysSection, NodeSection, SecuritySection, TlsSection};

/// A whole file or set of files of sections.
pub(super) trait Tree: Default + Serialize + DeserializeOwned {
    /// Lets every section report what parses but cannot be right.
    fn check_all(&self, problems: &mut Problems);

    /// What is usual under the profile that it names, other than the defaults.
    fn usual(&self) -> &'static [Rule] {
        &[]
    }
}

macro_rules! tree {
    ($($(#[doc = $doc:literal])+ $(#[cfg($part:meta)])? $field:ident: $section:ty;)+) => {
        /// The whole configuration.
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $($(#[doc = $doc])+ $(#[cfg($part)])? pub $field: $section,)+
        }

        impl Tree for Config {
            fn check_all(&self, problems: &mut Problems) {
                $($(#[cfg($part)])? self.$field.check(problems);)+
            }

            fn usual(&self) -> &'static [Rule] {
                self.security.profile.usual()
            }
        }

        impl Config {
            /// The sections' names as they call themselves, beside the fields they are under.
            #[cfg(all(test, feature = "host", feature = "node"))]
            pub(super) fn names() -> std::collections::BTreeMap<&'static str, &'static str> {
                let mut names = std::collections::BTreeMap::new();
                $($(#[cfg($part)])? names.insert(stringify!($field), <$section as Section>::NAME);)+
                names
            }
        }
    };
}

tree! {
    /// Where the Host listens and what it is called.
    host: HostSection;
    /// The agent of this machine.
    node: NodeSection;
    /// Which set of defaults the other sections start from.
    security: SecuritySection;
    /// The certificate and the protocol that browsers meet.
    tls: TlsSection;
    /// A security module for the keys of the authorities.
    keys: KeysSection;
    /// Where the memory is: SQLite in the state folder, or PostgreSQL.
    #[cfg(feature = "host")]
    store: watchroom_store::Config;
    /// How people prove who they are, and how long that holds.
    #[cfg(feature = "host")]
    identity: watchroom_identity::Config;
    /// The server that takes our letters, and how we come to it.
    #[cfg(feature = "host")]
    mail: watchroom_mail::Config;
    /// The edge: what happens to a request before anybody knows who sent it.
    #[cfg(feature = "host")]
    shield: watchroom_shield::Config;
    /// What evidence leads to a ban, and how long it lasts.
    #[cfg(feature = "host")]
    bans: watchroom_defence::Config;
    /// When a node that does not speak is late or offline.
    #[cfg(feature = "host")]
    cluster: watchroom_fleet::nodes::Liveness;
    /// How machines may ask to join, and where nodes are told to dial.
    #[cfg(feature = "host")]
    join: watchroom_fleet::nodes::join::JoinRules;
}

#[cfg(feature = "node")]
impl Tree for watchroom_node::Allowed {
    fn check_all(&self, problems: &mut Problems) {
        self.rules.check(problems);
        self.power.check(problems);
        self.fail2ban.check(problems);
    }
}
