//! `/.well-known/security.txt` (RFC 9116): whom to tell of a weakness, where an administrator has named somebody.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::CONTENT_TYPE;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, Time};
use watchroom_policy::act;
use watchroom_shield::RouteClass;
use watchroom_web::{NotFound, Problem, Route};

use crate::Api;

/// The text holds as long as somebody answers with it; the standard wants an end within a year.
const HOLDS: Duration = Duration::days(180);

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/.well-known/security.txt",
            act::LookAround,
            RouteClass::Static,
            security_txt,
        )
        .says("Whom to tell of a weakness (RFC 9116); 404 where nobody is named")
        .as_type("text/plain"),
    ]
}

async fn security_txt(State(api): State<Api>) -> Result<Response, Problem> {
    let contact = api.security_contact.as_ref().ok_or(NotFound)?;
    let text = written(contact.as_str(), api.entrance.ambient.now());
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

fn written(contact: &str, now: OffsetDateTime) -> String {
    let expires = (now + HOLDS).replace_time(Time::MIDNIGHT);
    let expires = expires.format(&Rfc3339).unwrap_or_default();
    format!("Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\n")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn it_is_written_as_the_standard_wants_it() {
        assert_eq!(
            written("mailto:crew@example.org", datetime!(2026-01-02 03:04:05.6 UTC)),
            "Contact: mailto:crew@example.org\nExpires: 2026-07-01T00:00:00Z\nPreferred-Languages: en\n"
        );
    }
}
