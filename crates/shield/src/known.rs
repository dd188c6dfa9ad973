//! What somebody known may ask: a rate by their role, and whatever else is set for people, tokens and single routes. All of
//! it is counted by who they are, wherever they come from.

use std::sync::Arc;

use uuid::Uuid;

use crate::{LimitKey, Passed, Refused, RouteClass, Shield, Verdict, Why, Window};

/// Somebody who turned out to be known.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Who.
    pub user: Uuid,
    /// How many requests a minute their role has.
    pub per_minute: u32,
    /// The token that was shown, if it was one.
    pub token: Option<Uuid>,
}

/// A limit of one route's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteLimit {
    /// What the configuration calls it, in `shield.limits.routes`.
    pub name: &'static str,
    /// How many requests a minute each person has, if nothing else is configured.
    pub per_minute: u32,
}

impl Shield {
    /// Counts a request of somebody known in every limit that it falls under, and shows the one that is nearest to it. What was
    /// counted for their address is given back, unless they are about to sign in: only a success gives that back.
    ///
    /// # Errors
    /// [`Refused`] with [`Why::Limited`], which tells nothing against their address.
    pub async fn take_known(&self, passed: &Passed, known: Known) -> Result<(), Box<Refused>> {
        if passed.class != RouteClass::SignIn {
            self.give_back(passed);
        }
        let user = LimitKey::Id(known.user);
        let by_role = Window::per_minute(known.per_minute);
        let rules = self.rules();
        let limits = &rules.config.limits;
        let mut nearest = if limits.person.is_empty() {
            self.limits().take_everywhere("user", user, &[by_role]).await
        } else {
            let windows = [&[by_role], limits.person.as_slice()].concat();
            self.limits().take_everywhere("user", user, &windows).await
        };
        drop(rules);
        if self.has_more_limits(passed, known) && is_open(nearest) {
            nearest = Box::pin(self.take_narrower(passed, known)).await.or(nearest);
        }
        let Some(verdict) = nearest else {
            return Ok(());
        };
        self.show(passed, verdict);
        if !verdict.is_limited {
            return Ok(());
        }
        let refused = Refused {
            is_own_doing: false,
            ..Refused::later(Why::Limited(verdict), passed)
        };
        self.note(&refused);
        Err(Box::new(refused))
    }

    fn has_more_limits(&self, passed: &Passed, known: Known) -> bool {
        let rules = self.rules();
        let limits = &rules.config.limits;
        let is_limited = |limit: RouteLimit| {
            limits
                .routes
                .get(limit.name)
                .is_none_or(|windows| !windows.is_empty())
        };
        is_sensitive(passed.class)
            || passed.limit.is_some_and(is_limited)
            || known.token.is_some() && !limits.token.is_empty()
    }

    /// Of limits beside that of the role: the first that is used up, else the last.
    async fn take_narrower(&self, passed: &Passed, known: Known) -> Option<Verdict> {
        let rules = Arc::clone(&self.rules());
        let limits = &rules.config.limits;
        let user = LimitKey::Id(known.user);
        let mut nearest = None;
        if let Some(token) = known.token {
            let token = LimitKey::Id(token);
            nearest = self.limits().take_everywhere("token", token, &limits.token).await;
        }
        if let Some(RouteLimit { name, per_minute }) = passed.limit.filter(|_| is_open(nearest)) {
            let usual = [Window::per_minute(per_minute)];
            let windows = limits.routes.get(name).map_or(&usual[..], Vec::as_slice);
            nearest = self
                .limits()
                .take_everywhere(name, user, windows)
                .await
                .or(nearest);
        }
        if is_sensitive(passed.class) && is_open(nearest) {
            let sensitive = self
                .limits()
                .take_everywhere("sensitive", user, &limits.sensitive);
            nearest = sensitive.await.or(nearest);
        }
        nearest
    }
}

fn is_open(verdict: Option<Verdict>) -> bool {
    verdict.is_none_or(|verdict| !verdict.is_limited)
}

const fn is_sensitive(class: RouteClass) -> bool {
    matches!(class, RouteClass::Sensitive | RouteClass::Administration)
}
