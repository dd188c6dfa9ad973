//! The parsers of this crate, open to the fuzz targets and to the test below; no other build has them.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::Stream;
use http_body_util::Full;
use prost::Message;
use serde::de::DeserializeOwned;
use tonic::codec::{Codec, Streaming};
use watchroom_model::console::ConsoleEvent;
use watchroom_model::{Envelope, Heartbeat, Inquiry, OrderOutcome, Sample};

use crate::bounds::Said;
use crate::codec::LinkCodec;
use crate::{ConnectFault, FreshPapers, NodeHello, hello, wire};

/// Longest message that is taken here: as much as tonic takes unless told otherwise.
const LONGEST: usize = 4 << 20;

/// Bytes of a call as the other end sent them: frames of whichever message `kind` says, through our codec, and what
/// we make of them.
pub fn frames(kind: u8, bytes: &[u8]) {
    match kind % 8 {
        0 => each(bytes, |said: wire::Introduction| {
            if let Ok(hello) = NodeHello::try_from(said) {
                let now = hello.clock;
                let _either = hello::judge(&hello, env!("CARGO_PKG_VERSION"), now);
            }
        }),
        1 => each(bytes, |signed: wire::Signed| {
            let _time = wire::from_micros(signed.expires_us);
            noun::<Envelope>(&signed.content_json);
            noun::<Inquiry>(&signed.content_json);
        }),
        2 => each(bytes, |reply: wire::OrderReply| {
            answer::<OrderOutcome>(&reply.outcome_json);
        }),
        3 => each(bytes, |beat: wire::HeartbeatMessage| {
            answer::<Heartbeat>(&beat.heartbeat_json);
        }),
        4 => each(bytes, |console: wire::ConsoleMessage| {
            answer::<ConsoleEvent>(&console.event_json);
        }),
        5 => each(bytes, |reply: wire::MetricsReply| {
            answer::<Vec<Sample>>(&reply.samples_json);
        }),
        6 => each(bytes, |papers: wire::Papers| drop(FreshPapers::from(papers))),
        _ => each(bytes, |refusal: wire::Refusal| drop(ConnectFault::from(refusal))),
    }
}

/// What the node does with JSON inside a message.
fn noun<T: DeserializeOwned>(bytes: &[u8]) {
    let _either = wire::noun::<T>(bytes);
}

/// What the Host does with it: it agrees with the node on what is JSON, whatever it cuts short of it.
fn answer<T: DeserializeOwned + Said>(bytes: &[u8]) {
    let there = wire::noun::<T>(bytes).is_ok();
    assert_eq!(there, wire::answer::<T>(bytes).is_ok(), "the ends disagree");
}

fn each<M: Message + Default + Send + 'static>(bytes: &[u8], mut take: impl FnMut(M)) {
    let decoder = LinkCodec::<M, M>::default().decoder();
    let body = Full::new(Bytes::copy_from_slice(bytes));
    let mut messages = pin!(Streaming::new_request(decoder, body, None, Some(LONGEST)));
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(message))) = messages.as_mut().poll_next(&mut context) {
        take(message);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_hooks_stand_any_bytes(kind: u8, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            frames(kind, &body);
            let length = u32::try_from(body.len()).unwrap().to_be_bytes();
            frames(kind, &[&[0][..], &length, &body].concat());
        }
    }
}
