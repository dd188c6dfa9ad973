//! The configuration, made ready for the checks.

use std::cmp::Ordering;

use http::HeaderValue;

use crate::headers::{Wardrobe, policy};
use crate::hosts::Hosts;
use crate::{Charge, Config, LimitKey, RouteClass, Window};

/// A kind of limit with its windows.
#[derive(Debug)]
pub(crate) struct Limited {
    pub(crate) class: &'static str,
    pub(crate) windows: Vec<Window>,
    pub(crate) policy: Option<HeaderValue>,
}

impl Limited {
    fn new(class: &'static str, windows: &[Window]) -> Self {
        Self {
            class,
            windows: windows.to_vec(),
            policy: policy(class, windows),
        }
    }

    pub(crate) fn charge<'a>(&'a self, key: LimitKey<'a>) -> Charge<'a> {
        Charge {
            class: self.class,
            key,
            windows: &self.windows,
        }
    }
}

/// Paths that nobody has reason to ask for: the shortest first, so that nearly all others are told apart by length.
#[derive(Debug)]
pub(crate) struct Decoys(Vec<Box<str>>);

impl Decoys {
    fn new(paths: &[String]) -> Self {
        let mut paths: Vec<Box<str>> = paths.iter().map(|path| path.as_str().into()).collect();
        paths.sort_by(|one, other| by_length(one, other));
        Self(paths)
    }

    pub(crate) fn contain(&self, path: &str) -> bool {
        self.0.binary_search_by(|decoy| by_length(decoy, path)).is_ok()
    }
}

fn by_length(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) config: Config,
    pub(crate) hosts: Hosts,
    pub(crate) decoys: Decoys,
    pub(crate) wardrobe: Wardrobe,
    pub(crate) anonymous: Limited,
    pub(crate) presented: Limited,
    sign_in: Limited,
    static_files: Limited,
    reports: Limited,
}

impl Rules {
    /// The configured hosts, or `own` if none are.
    pub(crate) fn new(config: Config, own: &[String]) -> Self {
        let hosts = if config.hosts.is_empty() {
            own
        } else {
            &config.hosts
        };
        let hosts = Hosts::new(hosts.iter().map(String::as_str));
        let limits = &config.limits;
        Self {
            hosts,
            decoys: Decoys::new(&config.decoys),
            wardrobe: Wardrobe::new(config.base_uri, config.reports_to),
            anonymous: Limited::new("anonymous", &limits.anonymous),
            presented: Limited::new("presented", &limits.presented),
            sign_in: Limited::new("sign-in", &limits.sign_in),
            static_files: Limited::new("static", &limits.static_files),
            reports: Limited::new("report", &limits.reports),
            config,
        }
    }

    pub(crate) fn limited(&self, class: RouteClass) -> Option<&Limited> {
        match class {
            RouteClass::Health => None,
            RouteClass::Static => Some(&self.static_files),
            RouteClass::SignIn => Some(&self.sign_in),
            RouteClass::Report => Some(&self.reports),
            RouteClass::Page
            | RouteClass::Read
            | RouteClass::Change
            | RouteClass::Sensitive
            | RouteClass::Administration
            | RouteClass::Join
            | RouteClass::Node
            | RouteClass::Stream => Some(&self.anonymous),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_decoy_is_a_path_that_is_listed(listed in proptest::collection::vec("/[ab]{0,3}", 0..8), path in "/[ab]{0,3}") {
            prop_assert_eq!(Decoys::new(&listed).contain(&path), listed.contains(&path));
        }
    }
}
