//! The parsers of this crate, open to the fuzz targets and to the test below; no other build has them.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::client;
use crate::heads::Heads;
use crate::inspection::{self, Plan};
use crate::{BodyForm, Network, ReportForm, RouteClass, RouteRule, proxy, reports};

/// The first bytes of a connection from a balancer. A header that is read is never longer than it may be, and
/// nothing behind it is touched.
pub fn proxy_header(bytes: &[u8]) {
    let mut left = bytes;
    let said = {
        let mut reading = pin!(proxy::read(&mut left));
        reading.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    };
    assert!(said.is_ready(), "bytes that are all there are waited for");
    if let Poll::Ready(Ok(_)) = said {
        let promised = bytes
            .get(14..16)
            .and_then(|length| length.try_into().ok())
            .map_or(0, u16::from_be_bytes);
        assert_eq!(bytes.len() - left.len(), 16 + usize::from(promised));
    }
}

/// Lines of headers about who is asking, each line's first byte saying which header it is. Whoever is no trusted
/// proxy stays who they are.
pub fn forwarded_headers(lines: &[u8]) {
    let names: [HeaderName; 4] = [
        "x-forwarded-for",
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-proto",
    ]
    .map(HeaderName::from_static);
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let Some((which, value)) = line.split_first() else {
            continue;
        };
        let name = names.get(usize::from(which % 4));
        if let (Some(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let heads = Heads::of(&headers);
    let trusted: Vec<Network> = "10.0.0.0/8".parse().into_iter().collect();
    let stranger = IpAddr::from([203, 0, 113, 7]);
    let client = client::resolve(SocketAddr::new(stranger, 4711), &heads, &trusted);
    assert_eq!(client.address, stranger);
    assert!(!client.is_proxied && !client.is_loopback);
    let proxy = SocketAddr::from(([10, 0, 0, 1], 4711));
    let behind = client::resolve(proxy, &heads, &trusted);
    assert!(!behind.is_loopback, "loopback is lent by a header");
    for (lines, parameter) in [(heads.forwarded_host, "host"), (heads.forwarded_proto, "proto")] {
        let said = client::said(lines, heads.forwarded, parameter);
        assert!(said.is_none_or(|said| said.is_ascii()));
    }
    let text = String::from_utf8_lossy(lines);
    if let Ok(network) = text.parse::<Network>() {
        assert_eq!(network.to_string().parse(), Ok(network));
    }
}

/// A body of a form or of JSON, as handlers are sent it. Whatever is spotted is told without a byte of its value.
pub fn body(form: BodyForm, body: &[u8]) {
    let rule = RouteRule::new(RouteClass::Change).with_fields(&["note"], &["password"]);
    let plan = Plan {
        rule,
        only_reports: false,
    };
    if let Some(spotted) = inspection::read_body(plan, form, body).spotted {
        assert!(spotted.score >= 50);
        assert!(spotted.field.len() <= 64 && spotted.field.is_ascii());
    }
}

/// What a browser reports. What is kept of it is short and plain.
pub fn report(form: ReportForm, body: &[u8]) {
    for violation in reports::read(form, body).into_iter().flatten() {
        let kept = [violation.page.as_str(), &violation.blocked];
        assert!(kept.iter().all(|text| text.len() <= 200 && text.is_ascii()));
        assert!(!violation.page.contains(['?', '#', ' ']));
    }
}

/// The path and the query of a request.
pub fn head(path: &str, query: &str) {
    let plan = Plan {
        rule: RouteRule::new(RouteClass::Read),
        only_reports: false,
    };
    let spotted = inspection::inspect_head(plan, path, Some(query), &Heads::default());
    assert!(spotted.is_none_or(|spotted| spotted.is_refused));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_hooks_stand_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
            proxy_header(&bytes);
            forwarded_headers(&bytes);
            forwarded_headers(text.as_bytes());
            for form in [BodyForm::Form, BodyForm::Json] {
                body(form, &bytes);
                body(form, text.as_bytes());
            }
            for form in [ReportForm::Single, ReportForm::Batch] {
                report(form, &bytes);
                report(form, text.as_bytes());
            }
            head(&text, &text);
        }
    }
}
