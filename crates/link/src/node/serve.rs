//! Serves one connection until it ends, and says why it did.

use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::service::Routes;
use watchroom_kit::Tasks;

use super::dial::HostStream;
use super::service::{NodeService, Settlement};
use crate::settings::{LARGEST_MESSAGE, MOST_CALLS, MOST_GIVEN_UP};
use crate::transport::LinkExecutor;
use crate::wire::node_server::NodeServer;
use crate::{ConnectFault, LinkSettings};

pub(crate) async fn serve(
    stream: HostStream,
    service: NodeService,
    tasks: &Tasks,
    settings: &LinkSettings,
    admitted: oneshot::Sender<()>,
) -> ConnectFault {
    let mut settlement = service.settlement();
    let server = NodeServer::new(service)
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE);
    let routes = Routes::new(server).prepare();
    let connection = http2::Builder::new(LinkExecutor(tasks.clone()))
        .timer(TokioTimer::new())
        .keep_alive_interval(settings.keep_alive_every)
        .keep_alive_timeout(settings.keep_alive_patience)
        .max_concurrent_streams(MOST_CALLS)
        // Against strangers these are kept low; here the other end is the node's own Host.
        .max_pending_accept_reset_streams(MOST_GIVEN_UP)
        .max_local_error_reset_streams(None)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let mut connection = std::pin::pin!(connection);

    let settled = tokio::select! {
        end = &mut connection => return ConnectFault::from_connection(end),
        settled = timeout(settings.hello_patience * 2, settlement.wait_for(|now| *now != Settlement::Open)) => settled,
    };
    match settled.map(|settled| settled.map(|now| now.clone())) {
        Ok(Ok(Settlement::Admitted)) => {
            // A line that has been dropped does not ask; its tasks are about to end.
            let _ = admitted.send(());
        }
        Ok(Ok(Settlement::Refused(why))) => {
            // Let the answer to the refusal go out; the Host then closes.
            drop(timeout(settings.hello_patience, connection).await);
            return why;
        }
        _ => {
            return ConnectFault::Lost {
                why: "the Host did not say hello".to_owned(),
            };
        }
    }
    let now = settlement.clone();
    let taken_back = tokio::select! {
        end = &mut connection => {
            let refused = match &*now.borrow() {
                Settlement::Refused(why) => Some(why.clone()),
                Settlement::Open | Settlement::Admitted => None,
            };
            return refused.unwrap_or_else(|| ConnectFault::from_connection(end));
        }
        taken_back = settlement.wait_for(|now| matches!(now, Settlement::Refused(_))) => taken_back.map(|now| now.clone()),
    };
    drop(timeout(settings.hello_patience, connection).await);
    match taken_back {
        Ok(Settlement::Refused(why)) => why,
        _ => ConnectFault::Lost {
            why: "the node is stopping".to_owned(),
        },
    }
}
