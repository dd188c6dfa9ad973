//! What is asked of the routes that tie an identity elsewhere to one's own account.

use watchroom_testkit::Visitor;

use super::case::{Asked, Case, On};

/// The forms of one's own identities.
pub(super) async fn identity_forms(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |visitor: Visitor| Asked::by(visitor, path).form(Vec::new()).done(303);
    Some(match path {
        // Nothing was offered, and nothing is tied.
        "/profile/identities/tie" => by(case.by_fresh_session(walker).await).on(On::OnesOwn),
        "/profile/identities/{id}/untie" => Asked {
            path: format!("/profile/identities/{}/untie", case.somebody),
            ..by(case.by_fresh_session(walker).await)
        }
        .on(On::OnesOwn)
        .done(404),
        _ => return None,
    })
}
