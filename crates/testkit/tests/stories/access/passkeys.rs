//! What the walk asks of the forms of passkeys and of the strength of passwords. Challenges are made for whoever may answer; here none is answered.

use watchroom_testkit::Visitor;

use super::case::{Asked, Case};

pub async fn forms(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |visitor: Visitor| {
        let status = if path.ends_with("/options") { 200 } else { 409 };
        Asked::by(visitor, path).form(Vec::new()).done(status)
    };
    Some(match path {
        "/login/passkey/options" | "/login/passkey/verify" => {
            let (visitor, token) = case.at_the_entrance(walker).await;
            by(visitor).form(vec![("csrf_token", token)])
        }
        "/login/mfa/passkey/options" | "/login/mfa/passkey" => by(case.by_session(walker)),
        "/step-up/passkey/options" | "/step-up/passkey" => by(case.by_session(walker)),
        "/mfa/passkey/options" => by(case.by_fresh_session(walker).await),
        "/mfa/passkey" => by(case.by_fresh_session(walker).await).form(vec![("name", "laptop".to_owned())]),
        "/password-strength" => {
            let (visitor, token) = case.at_the_entrance(walker).await;
            let fields = vec![
                ("csrf_token", token),
                ("password", "Teal-Otter7 drums".to_owned()),
            ];
            by(visitor).form(fields).done(200)
        }
        "/profile/password-strength" => by(case.by_session(walker)).done(200),
        _ => return None,
    })
}
