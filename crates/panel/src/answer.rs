//! How handlers answer: a page, a live part of one, or a redirect with a flash message.

use askama::Template;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use watchroom_identity::SignedIn;
use watchroom_kit::{ExposeSecret, Fault, FaultKind};
use watchroom_web::{Cookie, DEVICE_COOKIE, Problem, SESSION_COOKIE};

use crate::view::{Flash, Tone};

/// The cookie that carries a message over one redirect.
pub(crate) const FLASH_COOKIE: &str = "__Host-watchroom_flash";
/// The header by which a script asks for a live part of a page.
pub(crate) const FRAGMENT: &str = "x-fragment";
/// Longest message a cookie carries, in bytes; a longer one is cut where a character ends.
const LONGEST_FLASH: usize = 1_000;

/// A page that could not be rendered, or a header that could not be made: a defect of ours.
#[derive(Debug, thiserror::Error)]
#[error("a page could not be made: {0}")]
struct Unrendered(String);

impl Fault for Unrendered {
    fn kind(&self) -> FaultKind {
        FaultKind::Internal
    }
    fn slug(&self) -> &'static str {
        "internal"
    }
    fn public(&self) -> String {
        "something went wrong on our side; the log has the detail".to_owned()
    }
}

fn unrendered(error: impl std::fmt::Display) -> Problem {
    Unrendered(error.to_string()).into()
}

/// A page.
pub(crate) fn page(template: &impl Template) -> Result<Response, Problem> {
    page_with(StatusCode::OK, template)
}

/// A page that is not good news.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let html = template.render().map_err(unrendered)?;
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(VARY, HeaderValue::from_static("x-fragment, cookie"));
    Ok(response)
}

/// To another page, which a browser asks for with GET whatever led here (303).
pub(crate) fn redirect(to: &str) -> Result<Response, Problem> {
    let mut response = StatusCode::SEE_OTHER.into_response();
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_str(to).map_err(unrendered)?);
    Ok(response)
}

/// To another page, with a message there.
pub(crate) fn redirect_with(to: &str, flash: &Flash) -> Result<Response, Problem> {
    with_cookie(redirect(to)?, FLASH_COOKIE, &written(flash), Some(60))
}

/// With one more cookie.
pub(crate) fn with_cookie(
    mut response: Response,
    name: &str,
    value: &str,
    max_age_s: Option<u64>,
) -> Result<Response, Problem> {
    let cookie = Cookie {
        name,
        value,
        max_age_s,
    }
    .header()
    .map_err(unrendered)?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// With the cookie of a session that has just begun or risen, and after a sign-in that of a known browser.
pub(crate) fn with_session(response: Response, signed_in: &SignedIn) -> Result<Response, Problem> {
    let max_age_s = signed_in.max_age.map(|age| age.as_secs());
    let response = with_cookie(
        response,
        SESSION_COOKIE,
        signed_in.cookie.expose_secret(),
        max_age_s,
    )?;
    match &signed_in.device {
        Some(device) => {
            let max_age_s = Some(device.max_age.as_secs());
            with_cookie(response, DEVICE_COOKIE, &device.cookie, max_age_s)
        }
        None => Ok(response),
    }
}

/// For a browser whose session is over: its cookie is gone, and so is what the browser kept of the pages. Other cookies
/// (the theme, a message on its way) say nothing of anybody and stay.
pub(crate) fn without_session(response: Response) -> Result<Response, Problem> {
    let mut response = with_cookie(response, SESSION_COOKIE, "", Some(0))?;
    let what = HeaderValue::from_static("\"cache\", \"storage\"");
    response
        .headers_mut()
        .insert(HeaderName::from_static("clear-site-data"), what);
    Ok(response)
}

/// A flash as a cookie's value.
fn written(flash: &Flash) -> String {
    let mut text = flash.text.clone();
    let mut end = text.len().min(LONGEST_FLASH);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    let tone = if flash.tone == Tone::Done { "+" } else { "-" };
    BASE64URL_NOPAD.encode(format!("{tone}{text}").as_bytes())
}

/// The flash that a request carries.
pub(crate) fn flash_of(headers: &HeaderMap) -> Option<Flash> {
    let bytes = BASE64URL_NOPAD
        .decode(Cookie::find(headers, FLASH_COOKIE)?.as_bytes())
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    match text.split_at_checked(1)? {
        ("+", text) => Some(Flash::done(text)),
        ("-", text) => Some(Flash::trouble(text)),
        _ => None,
    }
}

/// Whether a person's browser asks for a page, rather than a program for JSON.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// Where a form may send a person next: a path of ours and nothing else.
pub(crate) fn path_of_ours(given: &str) -> Option<&str> {
    let is_path = given.starts_with('/') && !given.starts_with("//") && given.len() <= 2_000;
    let is_plain = given.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let leads_in_circles = ["/login", "/logout", "/setup", "/session-expired", "/api/"]
        .iter()
        .any(|path| given.starts_with(path));
    (is_path && is_plain && !leads_in_circles).then_some(given)
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_form_sends_a_person_to_another_site() {
        for wrong in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/\tevil",
            "",
            "servers",
            "/login?next=/",
        ] {
            assert_eq!(path_of_ours(wrong), None, "{wrong}");
        }
        assert_eq!(path_of_ours("/servers?name=a"), Some("/servers?name=a"));
    }

    #[test]
    fn the_longest_flash_is_a_cookie_that_browsers_take() {
        let value = written(&Flash::trouble("\u{1f6a8}".repeat(1_000)));
        let cookie = Cookie {
            name: FLASH_COOKIE,
            value: &value,
            max_age_s: Some(60),
        };
        assert!(cookie.header().unwrap().len() < 4_096);
    }

    proptest! {
        #[test]
        fn a_flash_survives_its_redirect(text in "\\PC{0,200}", is_done in any::<bool>()) {
            let flash = if is_done { Flash::done(text) } else { Flash::trouble(text) };
            let cookie = format!("{FLASH_COOKIE}={}", written(&flash));
            let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&cookie).unwrap())]);
            prop_assert_eq!(flash_of(&headers), Some(flash));
        }

        #[test]
        fn no_cookie_breaks_the_page(cookie in "[A-Za-z0-9_-]{0,40}") {
            let cookie = format!("{FLASH_COOKIE}={cookie}");
            let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&cookie).unwrap())]);
            let _ = flash_of(&headers);
        }
    }
}
