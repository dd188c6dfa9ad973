//! WebSockets (RFC 6455) on HTTP/1.1: who may open one, and what is said over it.
//!
//! Browsers let a script read nothing of a handshake that fails, so whoever is not let in is told over the open
//! connection, by closing it with 1008. All are told the same, and it is closed before anything is kept for them. Whoever
//! asks too often is answered by HTTP, as is whatever is no handshake at all.

mod handshake;
mod message;
mod talk;

use axum::response::{IntoResponse, Response};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use watchroom_kit::{Seat, Tasks};
use watchroom_model::UserId;
use watchroom_shield::Upgraded;

pub use handshake::{NoHandshake, SocketRequest};
pub use message::Topic;

pub(crate) use handshake::{is_asked, shown_token};

use crate::{Caller, Feed, Problem};
use message::MOST_BYTES;
use talk::{Ears, End, Talk};

/// What is kept of what a client sends before it is a message.
const READ_BYTES: usize = 4 * 1024;
/// More than any message of ours has. What a client does not take waits in no buffer of its own, but at its place in the
/// feed, which is the same for all.
const WRITTEN_BYTES: usize = 256 * 1024;

/// Somebody who was let in, and what they may listen to.
pub struct Admitted {
    /// Who.
    pub caller: Caller,
    /// Their place.
    pub seat: Option<Seat<UserId>>,
    /// What there is to hear.
    pub feed: Feed,
    /// What the house is told by to stop.
    pub tasks: Tasks,
    /// Says whether somebody may hear of a topic.
    pub may_hear: MayHear,
}

/// Says whether somebody may hear of a topic.
pub type MayHear = Box<dyn Fn(&Caller, &Topic) -> Result<(), Problem> + Send + Sync>;

impl std::fmt::Debug for Admitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admitted")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

impl SocketRequest {
    /// Opens a WebSocket for somebody who was let in.
    #[must_use]
    pub fn open(self, admitted: Admitted) -> Response {
        self.go_on(move |stream| async move {
            let heard = stream.heard();
            let Admitted {
                caller,
                seat,
                feed,
                tasks,
                may_hear,
            } = admitted;
            let over = caller.until_over(&tasks);
            let ears = Ears {
                hears: Box::new(|item| item.is_for(caller.principal())),
                may: Box::new(|topic| may_hear(&caller, topic)),
            };
            let talk = Talk::new(websocket(stream).await, feed, ears, heard);
            talk.hold(over).await;
            drop(seat);
        })
    }

    /// Lets somebody in only to tell them that they are not let in, whatever the reason is; or gives the problem that HTTP
    /// tells better.
    ///
    /// # Errors
    /// The problem, if it is not about who they are and what they may.
    pub fn refuse(self, problem: Problem) -> Result<Response, Problem> {
        if !matches!(problem.status, 401 | 403 | 404 | 423) {
            return Err(problem);
        }
        Ok(self.go_on(|stream| async move {
            talk::close(&mut websocket(stream).await, End::Refused).await;
        }))
    }
}

async fn websocket(stream: Upgraded) -> WebSocketStream<Upgraded> {
    WebSocketStream::from_raw_socket(stream, Role::Server, Some(config())).await
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITTEN_BYTES)
        .max_message_size(Some(MOST_BYTES))
        .max_frame_size(Some(MOST_BYTES))
}

impl IntoResponse for NoHandshake {
    fn into_response(self) -> Response {
        let is_h1 = self.is_h1;
        let mut response = Problem::from(self).into_response();
        handshake::invite(response.headers_mut(), is_h1);
        response
    }
}
