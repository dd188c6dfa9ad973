//! What the walk asks of the forms by which people enter, leave, and change what is their own.

use watchroom_testkit::{PASSWORD, Visitor};

use super::case::{Asked, Case, On};
use super::identities::identity_forms;
use super::people;

/// The forms at the entrance, and those of one's own.
pub(super) async fn own_forms(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |visitor: Visitor| Asked::by(visitor, path).form(Vec::new()).done(303);
    let password = || PASSWORD.to_owned();
    Some(match path {
        "/login" => {
            // Over a session of its own: signing in ends it.
            let (entrance, token) = case.at_the_entrance("stranger").await;
            let mut visitor = case.by_fresh_session(walker).await;
            visitor.share_cookies(&entrance);
            visitor.set_csrf(Some(&token));
            by(visitor).form(vec![
                ("csrf_token", token),
                ("username", "somebody".to_owned()),
                ("password", password()),
            ])
        }
        // Over for good, and whoever asks is told so.
        "/setup" => {
            let (visitor, token) = case.at_the_entrance(walker).await;
            let fields = vec![
                ("csrf_token", token),
                ("code", "x".to_owned()),
                ("username", case.fresh_name()),
                ("password", password()),
                ("confirm_password", password()),
            ];
            by(visitor).form(fields).done(410)
        }
        "/logout" => Asked {
            is_to_entrance: walker != "stranger",
            ..by(case.by_fresh_session(walker).await)
        },
        "/step-up" => by(case.by_fresh_session(walker).await).form(vec![("password", password())]),
        "/change-password" => {
            let new = "Another horse 8 pasture".to_owned();
            let fields = vec![
                ("old_password", password()),
                ("new_password", new.clone()),
                ("confirm_password", new),
            ];
            by(case.by_fresh_session(walker).await)
                .form(fields)
                .on(On::OnesOwn)
        }
        "/login/mfa" => by(case.by_session(walker)).form(vec![("code", "000000".to_owned())]),
        // What was not offered cannot be confirmed, and who has no factor gets no recovery codes.
        "/mfa/setup" => by(case.by_fresh_session(walker).await)
            .form(vec![("offer", "x".to_owned()), ("name", "phone".to_owned())])
            .done(409),
        "/audit/verify" => by(case.by_session(walker)),
        _ => match profile_forms(case, path, walker).await {
            None => return people::forms(case, path, walker).await,
            Some(asked) => asked,
        },
    })
}

async fn profile_forms(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |visitor: Visitor| Asked::by(visitor, path).form(Vec::new()).done(303);
    Some(match path {
        "/profile/factors/{id}/remove" => Asked {
            path: format!("/profile/factors/{}/remove", case.somebody),
            ..by(case.by_fresh_session(walker).await)
        }
        .on(On::OnesOwn)
        .done(404),
        "/profile/recovery-codes" => by(case.by_fresh_session(walker).await).on(On::OnesOwn).done(409),
        "/profile/theme" => by(case.by_session(walker)).form(vec![("theme", "dark".to_owned())]),
        "/profile/sessions/end-others" => by(case.by_fresh_session(walker).await).on(On::OnesOwn),
        "/profile/sessions/{id}/end" => {
            let visitor = case.by_fresh_session(walker).await;
            let own = visitor.get("/api/session").await.json()["id"]
                .as_str()
                .map(str::to_owned);
            let id = own.unwrap_or_else(|| case.somebody.to_string());
            Asked {
                path: format!("/profile/sessions/{id}/end"),
                ..by(visitor)
            }
        }
        "/profile/tokens" => {
            let fields = vec![("name", case.fresh_name()), ("expires_days", "1".to_owned())];
            by(case.by_session(walker)).form(fields).on(On::OnesOwn).done(200)
        }
        "/profile/tokens/{id}/revoke" => {
            let path = format!("/profile/tokens/{}/revoke", case.own_token(walker).await);
            Asked {
                path,
                ..by(case.by_session(walker))
            }
            .on(On::OnesOwn)
        }
        _ => return identity_forms(case, path, walker).await,
    })
}
