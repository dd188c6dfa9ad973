//! The configuration, made ready for the checks.

use std::collections::HashSet;

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

#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) config: Config,
    pub(crate) hosts: Hosts,
    /// Paths that nobody has reason to ask for.
    pub(crate) decoys: HashSet<String>,
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
            decoys: config.decoys.iter().cloned().collect(),
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
