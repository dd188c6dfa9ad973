//! Names and texts that people give: what is accepted is accepted again, unchanged.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use watchroom_model::{
    CallSign, DisplayName, EmailAddress, HostName, NodeName, PoolName, Reason, ServerName, SnapshotName, Text,
    TokenName, UserName,
};

fn settles<T: FromStr + Display>(text: &str) {
    if let Ok(name) = text.parse::<T>() {
        let once = name.to_string();
        let twice = once.parse::<T>().map(|name| name.to_string());
        assert_eq!(twice.ok(), Some(once));
    }
}

fuzz_target!(|text: &str| {
    settles::<UserName>(text);
    settles::<ServerName>(text);
    settles::<NodeName>(text);
    settles::<TokenName>(text);
    settles::<HostName>(text);
    settles::<DisplayName>(text);
    settles::<EmailAddress>(text);
    settles::<CallSign>(text);
    settles::<SnapshotName>(text);
    settles::<PoolName>(text);
    settles::<Reason>(text);
    settles::<Text<80>>(text);
});
