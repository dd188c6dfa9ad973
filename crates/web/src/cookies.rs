//! Cookies: reading ours from a request, and the one way they are set (RFC 6265bis, `__Host-` prefix).

use http::header::{COOKIE, InvalidHeaderValue};
use http::{HeaderMap, HeaderValue};

/// The session's cookie.
pub const SESSION_COOKIE: &str = "__Host-watchroom_session";
/// The cookie of the sign-in and set-up forms.
pub const PRE_SESSION_COOKIE: &str = "__Host-watchroom_before";

/// By which a browser that has signed in before is known; it opens nothing.
pub const DEVICE_COOKIE: &str = "__Host-watchroom_device";

/// A cookie of ours: `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`.
#[derive(Clone, Copy, Debug)]
pub struct Cookie<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: &'a str,
    /// Seconds it lives; `None` ends with the browser, `Some(0)` removes it.
    pub max_age_s: Option<u64>,
}

impl Cookie<'_> {
    /// The value of its `Set-Cookie` header.
    ///
    /// # Errors
    /// If the value has characters that no header may have.
    pub fn header(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        let mut text = format!(
            "{}={}; Path=/; Secure; HttpOnly; SameSite=Lax",
            self.name, self.value
        );
        if let Some(seconds) = self.max_age_s {
            text.push_str(&format!("; Max-Age={seconds}"));
        }
        HeaderValue::from_str(&text)
    }

    /// Finds the value of the cookie `name` in a request's headers. If it came twice, it is not believed.
    #[must_use]
    pub fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
        let mut found = None;
        for header in headers.get_all(COOKIE) {
            for pair in header.to_str().ok()?.split(';') {
                let Some((key, value)) = pair.trim().split_once('=') else {
                    continue;
                };
                if key == name && found.replace(value).is_some() {
                    return None;
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_set_for_us_alone() {
        let cookie = Cookie {
            name: SESSION_COOKIE,
            value: "xyz",
            max_age_s: Some(7),
        };
        let header = cookie.header().unwrap();
        assert_eq!(
            header,
            "__Host-watchroom_session=xyz; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=7"
        );
        let split = Cookie {
            value: "x\r\nSet-Cookie: y=z",
            ..cookie
        };
        assert!(split.header().is_err());
    }

    #[test]
    fn a_cookie_is_found_among_others_and_not_believed_twice() {
        let mut headers = HeaderMap::new();
        headers.insert(
            COOKIE,
            HeaderValue::from_static("a=1; __Host-watchroom_session=xyz; b=2"),
        );
        assert_eq!(Cookie::find(&headers, SESSION_COOKIE), Some("xyz"));
        headers.append(COOKIE, HeaderValue::from_static("__Host-watchroom_session=evil"));
        assert_eq!(Cookie::find(&headers, SESSION_COOKIE), None);
    }
}
