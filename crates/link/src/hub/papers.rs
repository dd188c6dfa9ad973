//! Papers over the link: the CAs that a node has to trust, and a new certificate whenever it wishes one.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use watchroom_trust::Fingerprint;

use super::NodeLink;
use super::pump::next;
use crate::{ConnectFault, FreshPapers, LinkError, wire};

/// Brings a node's trust up to date, then answers its wishes until the stream ends.
pub(super) async fn serve(link: &NodeLink) -> Result<(), LinkError> {
    let anchors = link.shared().admission.anchors();
    let due: Vec<_> = anchors.iter().map(|anchor| Fingerprint::of(anchor)).collect();
    if link.hello().anchors != due {
        Box::pin(tell(link)).await?;
    }
    let mut wishes = open(link, false).await?;
    while let Some(wish) = next(&mut wishes).await? {
        // Until then no more wishes are read, so that a node that wishes without end waits with them.
        while let Err(wait) = may_certify(link) {
            sleep(wait).await;
        }
        if let Err(why) = Box::pin(grant(link, &wish.request)).await {
            // It asks again, on this link or the next.
            tracing::error!(node.id = %link.node(), "a node's certificate was not renewed: {why}");
        }
    }
    Ok(())
}

/// Tells the node which CAs to trust from now on.
pub(super) async fn tell(link: &NodeLink) -> Result<(), LinkError> {
    let anchors = link.shared().admission.anchors();
    give(
        link,
        FreshPapers {
            anchors,
            ..FreshPapers::default()
        },
    )
    .await
}

/// Renews the certificate of a node that may do nothing else.
pub(super) async fn renew_once(link: &NodeLink) -> Result<(), ConnectFault> {
    let lost = |why: String| ConnectFault::Lost {
        why: format!("its certificate could not be renewed: {why}"),
    };
    let first = async {
        let mut wishes = open(link, true).await?;
        next(&mut wishes).await
    };
    let wish = timeout(link.shared().settings.call_patience, first)
        .await
        .map_err(|_| lost("it did not ask in time".to_owned()))?
        .map_err(|error| lost(error.to_string()))?
        .ok_or_else(|| lost("it asked for none".to_owned()))?;
    may_certify(link).map_err(|_| lost("it was given one a moment ago".to_owned()))?;
    grant(link, &wish.request).await.map_err(lost)
}

fn may_certify(link: &NodeLink) -> Result<(), Duration> {
    let shared = link.shared();
    shared.registry.may_certify(link.node(), &shared.settings)
}

async fn open(link: &NodeLink, at_once: bool) -> Result<tonic::Streaming<wire::Wish>, LinkError> {
    let mut client = link.client();
    link.opened(client.wishes(wire::WishesRequest { at_once })).await
}

async fn grant(link: &NodeLink, request: &[u8]) -> Result<(), String> {
    let shared = link.shared();
    let mut papers = shared.admission.certify(link.arrival(), request).await?;
    papers.anchors = shared.admission.anchors();
    give(link, papers).await.map_err(|error| error.to_string())
}

async fn give(link: &NodeLink, papers: FreshPapers) -> Result<(), LinkError> {
    let mut client = link.client();
    let patience = link.shared().settings.call_patience;
    link.within(patience, true, client.keep(wire::Papers::from(papers)))
        .await
        .map(drop)
}
