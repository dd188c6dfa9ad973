//! What the edge wants to know of a request's headers, found by one look over those that are there.
//!
//! The edge asks for more than a dozen, and most requests have three or four of them. A map is asked by hashing the
//! name, whether it is there or not: done for each, that costs as much as counting does.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The headers of a request that the edge reads, and how large all of them are together.
#[derive(Debug, Default)]
pub(crate) struct Heads<'h> {
    /// Names and values of all headers, in bytes.
    pub(crate) bytes: usize,
    /// What passes the request on for somebody else says so, in other words than those below.
    is_relayed: bool,
    pub(crate) authorization: Lines<'h>,
    pub(crate) content_length: Lines<'h>,
    pub(crate) cookie: Lines<'h>,
    pub(crate) forwarded: Lines<'h>,
    pub(crate) forwarded_for: Lines<'h>,
    pub(crate) forwarded_host: Lines<'h>,
    pub(crate) forwarded_proto: Lines<'h>,
    pub(crate) host: Lines<'h>,
    pub(crate) referer: Lines<'h>,
    pub(crate) request_id: Lines<'h>,
    pub(crate) sec_fetch_site: Lines<'h>,
    pub(crate) sec_websocket_protocol: Lines<'h>,
    pub(crate) user_agent: Lines<'h>,
}

impl<'h> Heads<'h> {
    pub(crate) fn of(headers: &'h HeaderMap) -> Self {
        let mut heads = Self::default();
        for (name, value) in headers {
            heads.bytes += name.as_str().len() + value.len();
            if let Some(lines) = heads.place(name.as_str()) {
                *lines = match lines {
                    Lines::None => Lines::One(value),
                    _ => Lines::Several(headers, name),
                };
            }
        }
        heads
    }

    /// Where the lines of that name belong; nowhere if the edge never reads them.
    fn place(&mut self, name: &str) -> Option<&mut Lines<'h>> {
        Some(match name {
            "authorization" => &mut self.authorization,
            "content-length" => &mut self.content_length,
            "cookie" => &mut self.cookie,
            "forwarded" => &mut self.forwarded,
            "x-forwarded-for" => &mut self.forwarded_for,
            "x-forwarded-host" => &mut self.forwarded_host,
            "x-forwarded-proto" => &mut self.forwarded_proto,
            "host" => &mut self.host,
            "referer" => &mut self.referer,
            "x-request-id" => &mut self.request_id,
            "sec-fetch-site" => &mut self.sec_fetch_site,
            "sec-websocket-protocol" => &mut self.sec_websocket_protocol,
            "user-agent" => &mut self.user_agent,
            "via" | "x-real-ip" | "true-client-ip" | "cf-connecting-ip" => {
                self.is_relayed = true;
                return None;
            }
            _ => return None,
        })
    }

    /// Whether something says that it passes the request on for somebody else.
    pub(crate) fn is_forwarded(&self) -> bool {
        let said = [
            self.forwarded,
            self.forwarded_for,
            self.forwarded_host,
            self.forwarded_proto,
        ];
        self.is_relayed || said.iter().any(|lines| lines.is_there())
    }
}

/// The lines of one header, in their order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Lines<'h> {
    #[default]
    None,
    One(&'h HeaderValue),
    /// More than one, to be asked for where they are.
    Several(&'h HeaderMap, &'h HeaderName),
}

impl<'h> Lines<'h> {
    pub(crate) fn is_there(self) -> bool {
        !matches!(self, Self::None)
    }

    pub(crate) fn first(self) -> Option<&'h HeaderValue> {
        match self {
            Self::None => None,
            Self::One(line) => Some(line),
            Self::Several(headers, name) => headers.get(name),
        }
    }

    pub(crate) fn last(self) -> Option<&'h HeaderValue> {
        match self {
            Self::None => None,
            Self::One(line) => Some(line),
            Self::Several(headers, name) => headers.get_all(name).iter().next_back(),
        }
    }

    pub(crate) fn any(self, is_it: impl Fn(&HeaderValue) -> bool) -> bool {
        match self {
            Self::None => false,
            Self::One(line) => is_it(line),
            Self::Several(headers, name) => headers.get_all(name).iter().any(is_it),
        }
    }

    pub(crate) fn each(self) -> impl DoubleEndedIterator<Item = &'h HeaderValue> {
        let (one, several) = match self {
            Self::None => (None, None),
            Self::One(line) => (Some(line), None),
            Self::Several(headers, name) => (None, Some(headers.get_all(name).iter())),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whatever_passes_a_request_on_says_so_by_one_of_these() {
        for name in [
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "forwarded",
            "via",
            "x-real-ip",
            "true-client-ip",
            "cf-connecting-ip",
        ] {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static("x"))]);
            assert!(Heads::of(&headers).is_forwarded(), "{name}");
        }
        assert!(!Heads::of(&HeaderMap::new()).is_forwarded());
    }

    fn name() -> impl Strategy<Value = HeaderName> {
        let read = prop_oneof![
            Just("host"),
            Just("cookie"),
            Just("x-forwarded-for"),
            Just("user-agent"),
            Just("accept"),
            Just("x-other"),
        ];
        read.prop_map(HeaderName::from_static)
    }

    proptest! {
        #[test]
        fn one_look_finds_what_the_map_would_say(lines in proptest::collection::vec((name(), "[a-z]{0,4}"), 0..12)) {
            let mut headers = HeaderMap::new();
            for (name, value) in &lines {
                headers.append(name, value.parse().unwrap());
            }
            let heads = Heads::of(&headers);
            for (name, found) in [
                ("host", heads.host),
                ("cookie", heads.cookie),
                ("x-forwarded-for", heads.forwarded_for),
                ("user-agent", heads.user_agent),
                ("referer", heads.referer),
            ] {
                let expected: Vec<_> = headers.get_all(name).iter().collect();
                prop_assert_eq!(found.each().collect::<Vec<_>>(), expected.clone());
                prop_assert_eq!(found.last(), expected.last().copied());
                prop_assert_eq!(found.any(|line| line == "a"), expected.iter().any(|line| *line == "a"));
                prop_assert_eq!(found.first(), headers.get(name));
                prop_assert_eq!(found.is_there(), headers.contains_key(name));
            }
            prop_assert_eq!(heads.bytes, lines.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>());
            prop_assert_eq!(heads.is_forwarded(), headers.contains_key("x-forwarded-for"));
        }
    }
}
