//! The check `rates` once more, with those who count together with us.

use std::sync::Arc;

use http::HeaderMap;

use super::{Passed, presents};
use crate::heads::Heads;
use crate::{LimitKey, Refused, Shield, Why};

impl Shield {
    /// Asks those who count together with us whether a request that passed may go on. It is the check `rates`
    /// once more, after all others, since it alone has to wait for somebody else.
    ///
    /// # Errors
    /// [`Refused`] with [`Why::Limited`].
    pub(crate) async fn pass_together(
        &self,
        passed: &mut Passed,
        headers: &HeaderMap,
    ) -> Result<(), Box<Refused>> {
        let (limits, rules) = (self.limits(), Arc::clone(&self.rules()));
        let Some((found, here)) = Arc::get_mut(&mut passed.0).and_then(|found| {
            let here = found.told.verdict?;
            Some((found, here))
        }) else {
            return Ok(());
        };
        let anonymous = found
            .over_anonymous
            .is_none()
            .then(|| rules.limited(found.class))
            .flatten();
        let limited = anonymous.unwrap_or(&rules.presented);
        let key = LimitKey::Address(found.client);
        let mut verdict = limits.confirm(limited.charge(key), here).await;
        if verdict.is_limited && limited.class == rules.anonymous.class && presents(&Heads::of(headers)) {
            found.over_anonymous = Some(verdict);
            found.charge = None;
            let presented = &rules.presented;
            found.told.policy.clone_from(&presented.policy);
            let Some(second) = limits
                .take_everywhere(presented.class, key, &presented.windows)
                .await
            else {
                return Ok(());
            };
            verdict = second;
        }
        found.told.verdict = Some(verdict);
        if !verdict.is_limited {
            return Ok(());
        }
        let refused = Refused::later(Why::Limited(verdict), passed);
        self.note(&refused);
        Err(Box::new(refused))
    }
}
