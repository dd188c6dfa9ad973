//! One connection on the Host, from the hello to its end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future;
use http::Uri;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::Status;
use watchroom_kit::Tasks;
use watchroom_model::NodeId;

use super::link::Client;
use super::registry::Displaced;
use super::{Arrival, FAREWELL, LinkEvent, NodeLink, Shared, bans, door, papers, pump};
use crate::settings::LARGEST_MESSAGE;
use crate::{ConnectFault, NodeHello, http2, wire};

/// How long a connection may take to say why its streams broke.
const LAST_WORD: Duration = Duration::from_millis(250);

pub(super) async fn serve<S>(shared: &Arc<Shared>, stream: S, arrival: Arrival)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let node = arrival.node;
    let tasks = EndOnDrop(shared.ambient.tasks.child());
    // A link lasts; what only its beginning needs is boxed, and given back when it has begun.
    let (client, end) = match Box::pin(open(shared, stream, &tasks.0)).await {
        Ok(opened) => opened,
        Err(why) => return refused(shared, node, why),
    };
    match Box::pin(greet(shared, client, arrival)).await {
        Ok(link) => {
            let place = Place {
                shared: Arc::clone(shared),
                link,
            };
            run(&place, end, &tasks.0).await;
        }
        Err(ConnectFault::Renewed) => {
            tracing::info!(node.id = %node, "a node came back with an expired certificate and was given a new one");
        }
        Err(why) => refused(shared, node, why),
    }
}

fn refused(shared: &Shared, node: NodeId, why: ConnectFault) {
    tracing::warn!(node.id = %node, "a node was not let in: {why}");
    shared.registry.emit(LinkEvent::Refused { node, why });
}

/// Why the connection ended, for everything that breaks with it.
type End = future::Shared<oneshot::Receiver<ConnectFault>>;

/// Speaks HTTP/2 as the client of a connection that was dialled to us.
async fn open<S>(shared: &Shared, stream: S, tasks: &Tasks) -> Result<(Client, End), ConnectFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let settings = &shared.settings;
    let (ended, end) = oneshot::channel();
    let opened = timeout(settings.hello_patience, http2::open(stream, settings, ended)).await;
    let (transport, connection) = opened.map_err(|_| silent())??;
    drop(tasks.spawn("link.connection", connection));
    // Never looked up: requests need an authority, and this connection is the only way they can go.
    let origin = Uri::from_static("http://node.watchroom.internal");
    let client = Client::with_origin(transport, origin)
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE);
    Ok((client, end.shared()))
}

fn silent() -> ConnectFault {
    ConnectFault::Lost {
        why: "the node did not answer the Host's hello in time".to_owned(),
    }
}

/// Hello, judgement and verdict. The link it returns is in its place.
async fn greet(shared: &Arc<Shared>, mut client: Client, arrival: Arrival) -> Result<NodeLink, ConnectFault> {
    let settings = &shared.settings;
    let lost = |status: Status| ConnectFault::Lost {
        why: status.message().to_owned(),
    };
    let said = timeout(settings.hello_patience, client.hello(shared.hello()))
        .await
        .map_err(|_| silent())?
        .map_err(lost)?;
    let said = NodeHello::try_from(said.into_inner())?;
    let link = NodeLink::new(shared, arrival, said, client.clone());
    let door = shared.registry.door(link.node());
    let _turn = door.lock().await;
    if let Err(why) = door::judge(shared, &link).await {
        link.dismiss(&why, FAREWELL).await;
        return Err(why);
    }
    let admitted = client.settle(wire::Verdict { refusal: None });
    timeout(settings.hello_patience, admitted)
        .await
        .map_err(|_| silent())?
        .map_err(lost)?;
    match shared.registry.publish(&link) {
        Displaced::Nothing => {}
        Displaced::Lost(before) => drop(shared.ambient.tasks.spawn("link.displaced", async move {
            before.dismiss(&ConnectFault::Displaced, FAREWELL).await;
        })),
        Displaced::ToEmpty(before) => {
            before.traffic().hand_over(&link);
            let patience = settings.drain_patience;
            drop(shared.ambient.tasks.spawn("link.emptied", async move {
                if timeout(patience, before.traffic().emptied()).await.is_err() {
                    tracing::warn!(node.id = %before.node(), "calls on a link that was replaced did not end in time");
                }
                before.dismiss(&ConnectFault::Displaced, FAREWELL).await;
            }));
        }
    }
    Ok(link)
}

/// Keeps up the link's streams until the connection ends or the link is ended.
async fn run(place: &Place, end: End, tasks: &Tasks) {
    let link = &place.link;
    tracing::info!(node.id = %link.node(), link.epoch = link.epoch(), "a node is linked");
    for stream in [Stream::Heartbeats, Stream::Reports, Stream::Papers, Stream::Bans] {
        let (shared, link, end) = (Arc::clone(&place.shared), link.clone(), end.clone());
        drop(tasks.spawn("link.pump", async move {
            let ended = match stream {
                Stream::Heartbeats => pump::heartbeats(&shared, &link).await,
                Stream::Reports => pump::reports(&shared, &link).await,
                Stream::Papers => papers::serve(&link).await,
                Stream::Bans => bans::serve(&link).await,
            };
            // Without one of them the Host would be blind, the node without a certificate, or let in who is banned: it
            // dials anew.
            let why = ended.map_or_else(|error| error.to_string(), |()| format!("its {stream:?} ended"));
            // A stream often breaks because the connection did, which knows the reason.
            let of_all = Box::pin(timeout(LAST_WORD, end)).await;
            link.end(
                &of_all
                    .ok()
                    .and_then(Result::ok)
                    .unwrap_or(ConnectFault::Lost { why }),
            );
        }));
    }
    tokio::select! {
        why = end => link.end(&why.unwrap_or_else(|_| ConnectFault::Lost { why: "the Host is stopping".to_owned() })),
        () = link.ended() => {}
    }
}

#[derive(Clone, Copy, Debug)]
enum Stream {
    Heartbeats,
    Reports,
    Papers,
    Bans,
}

/// A link in its place; it is taken out however its connection ends, even by being dropped.
struct Place {
    shared: Arc<Shared>,
    link: NodeLink,
}

impl Drop for Place {
    fn drop(&mut self) {
        let stopped = || ConnectFault::Lost {
            why: "the Host closed it".to_owned(),
        };
        let why = self.link.why().unwrap_or_else(stopped);
        self.link.end(&why);
        tracing::info!(node.id = %self.link.node(), "a link ended: {why}");
        self.shared
            .registry
            .retire(self.link.node(), self.link.epoch(), &why);
    }
}

/// Ends what one link has started, however the link ends.
struct EndOnDrop(Tasks);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
