//! The first proof against cross-site requests: the browser itself says where a request comes from.

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri};

/// Whether the browser says that a page of ours sent this request: `Sec-Fetch-Site`, or `Origin` where a browser
/// does not send that. `scheme` is that of our pages (`https`, or `http` on loopback). A request that carries neither
/// header is not: every browser that can hold our cookie sends one.
#[must_use]
pub fn is_same_origin(parts: &Parts, scheme: &str) -> bool {
    if let Some(site) = text(&parts.headers, "sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = text(&parts.headers, ORIGIN.as_str()).and_then(|origin| origin.strip_prefix(scheme));
    let named = origin.and_then(|origin| origin.strip_prefix("://"));
    named.is_some() && named == host(&parts.uri, &parts.headers)
}

fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let authority = uri.authority().map(http::uri::Authority::as_str);
    authority.or_else(|| text(headers, HOST.as_str()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value: &HeaderValue| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn from(scheme: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri("/logout");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_same_origin(&request.body(()).unwrap().into_parts().0, scheme)
    }

    #[test]
    fn only_what_a_page_of_ours_sent_is_let_through() {
        assert!(from("https", &[("sec-fetch-site", "same-origin")]));
        let ours = [
            ("origin", "https://room.example:7443"),
            ("host", "room.example:7443"),
        ];
        assert!(from("https", &ours));
        assert!(!from("http", &ours));
        assert!(from(
            "http",
            &[("origin", "http://[::1]:5002"), ("host", "[::1]:5002")]
        ));
        for foreign in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example"), ("host", "room.example")],
            &[("origin", "http://room.example"), ("host", "room.example")],
            &[("origin", "null"), ("host", "room.example")],
            &[("host", "room.example")],
        ] {
            assert!(!from("https", foreign), "{foreign:?}");
        }
    }
}
