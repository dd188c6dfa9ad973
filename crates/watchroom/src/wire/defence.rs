//! What the edge and the entrance see becomes evidence; what is banned is kept out by the edge.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use watchroom_defence::{BanKind, Barred, Bystander, Bystanders, Defence, Edge, Evidence, Ports, Sign};
use watchroom_fleet::Fleet;
use watchroom_identity::{EntranceEvent, Identity};
use watchroom_kit::Ambient;
use watchroom_link::Hub;
use watchroom_model::{BarredFrom, BarredList, BarredNetwork};
use watchroom_shield::{Ban, BanBook, Network, Shield, ShieldEvent};
use watchroom_store::{Store, StoreError};

use crate::config::Config;

/// Refusals of the edge for want of moderation.
const LIMITED: [&str; 1] = ["rate-limited"];

/// Whoever keeps people out: the edge of this Host, and the nodes.
struct Edges {
    shield: Shield,
    hub: Hub,
}

impl Edge for Edges {
    fn bar(&self, bans: &[Barred]) {
        let ban = |barred: &Barred| Ban {
            network: Network::from(barred.network),
            kind: match barred.kind {
                BanKind::SignIn => watchroom_shield::BanKind::SignIn,
                BanKind::Attack => watchroom_shield::BanKind::Attack,
            },
            until: barred.until,
        };
        self.shield.ban(bans.iter().map(ban).collect::<BanBook>());
        self.hub.bar(for_nodes(bans));
    }
}

/// The list as nodes are told it: of two bans of one network and kind the longer.
fn for_nodes(bans: &[Barred]) -> BarredList {
    let mut list = BarredList::new();
    for barred in bans {
        let network = BarredNetwork {
            network: barred.network.to_string(),
            from: match barred.kind {
                BanKind::SignIn => BarredFrom::SignIn,
                BanKind::Attack => BarredFrom::Everything,
            },
        };
        let until = list.entry(network).or_insert(barred.until);
        *until = barred.until.max(*until);
    }
    list
}

/// One's own, whom a ban must not hit unasked.
pub(crate) struct Own {
    pub(crate) identity: Identity,
    /// The nodes that are linked, and what they are called.
    pub(crate) links: (Hub, Fleet),
    /// What `shield.trusted_proxies` says.
    pub(crate) proxies: Vec<Network>,
    /// The addresses of this machine, as they are now, but for temporary ones.
    pub(crate) addresses: Arc<ArcSwap<BTreeSet<IpAddr>>>,
}

impl Bystanders for Own {
    fn hit(&self, network: &IpNet) -> Option<Bystander> {
        let is_inside = |address: IpAddr| network.contains(&address.to_canonical());
        if self.addresses.load().iter().copied().any(is_inside) {
            return Some(Bystander::ThisMachine);
        }
        let is_proxy = |proxy: IpNet| network.contains(&proxy) || proxy.contains(network);
        if self.proxies.iter().copied().map(IpNet::from).any(is_proxy) {
            return Some(Bystander::TrustedProxy);
        }
        let (hub, fleet) = &self.links;
        let linked = |node| hub.link(node).filter(|link| is_inside(link.peer().ip()));
        if let Some(link) = hub.nodes().into_iter().find_map(linked) {
            let name = fleet.node(link.node()).map(|node| node.name().to_string());
            return Some(Bystander::Node(name.unwrap_or_else(|| link.node().to_string())));
        }
        let people = self.identity.administrators_at().into_iter();
        let mut inside = people.filter(|(_, address)| is_inside(*address));
        inside
            .next()
            .map(|(name, _)| Bystander::Administrator(name.to_string()))
    }
}

/// Opens defence between the edge and one's own, and brings it evidence until the tasks stop.
pub(crate) async fn open(
    store: &Store,
    config: &Config,
    shield: &Shield,
    own: Own,
    ambient: &Ambient,
) -> Result<Defence, StoreError> {
    let (seen, entrance) = (shield.events(), own.identity.events());
    let ports = Ports {
        edge: Arc::new(Edges {
            shield: shield.clone(),
            hub: own.links.0.clone(),
        }),
        bystanders: Arc::new(own),
    };
    let defence = Defence::open(store.clone(), config.bans.clone(), ports, ambient.clone()).await?;
    let follower = follow(defence.clone(), seen, entrance);
    ambient.tasks.spawn("follow-evidence", follower);
    Ok(defence)
}

async fn follow(defence: Defence, mut seen: Receiver<ShieldEvent>, mut entrance: Receiver<EntranceEvent>) {
    loop {
        let evidence = tokio::select! {
            event = seen.recv() => event.map(of_edge),
            event = entrance.recv() => event.map(|event| of_entrance(&event)),
        };
        match evidence {
            Ok(Some(evidence)) => witness(&defence, &evidence).await,
            // What was missed in a flood was more of the same.
            Ok(None) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn witness(defence: &Defence, evidence: &Evidence) {
    if let Err(error) = defence.witness(evidence).await {
        tracing::error!(%error, "a ban by evidence could not be kept; more evidence leads to it again");
    }
}

fn of_edge(event: ShieldEvent) -> Option<Evidence> {
    match event {
        // What a page of somebody else may have made a browser do tells on nobody.
        ShieldEvent::Refused(refused) if refused.is_own_doing => {
            let count = refused.count;
            let sign = match refused.why {
                why if LIMITED.contains(&why) => Sign::Limited { count },
                _ => return None,
            };
            Some(Evidence {
                from: refused.client,
                among: refused.among.map(IpNet::from),
                sign,
                line: format!("request {} ({})", refused.request_id, refused.why),
            })
        }
        // What is only reported may be somebody's own words.
        ShieldEvent::Spotted(event) if event.spotted.is_refused && event.is_own_doing => Some(Evidence {
            from: event.client,
            among: event.among.map(IpNet::from),
            sign: Sign::Attack { count: event.count },
            line: format!(
                "request {} ({} in {})",
                event.request_id, event.spotted.rule, event.spotted.field
            ),
        }),
        ShieldEvent::Decoy {
            client,
            among,
            is_own_doing: true,
            path,
            request_id,
        } => Some(Evidence {
            from: client,
            among: among.map(IpNet::from),
            sign: Sign::Decoy,
            line: format!("request {request_id} for {path}"),
        }),
        _ => None,
    }
}

fn of_entrance(event: &EntranceEvent) -> Option<Evidence> {
    match event {
        EntranceEvent::SignInFailed {
            from,
            name,
            locks,
            request_id,
        } => Some(Evidence {
            from: *from,
            among: None,
            sign: Sign::SignInFailed {
                name: *name,
                locks: *locks,
            },
            line: request_id.map_or_else(|| "a sign-in".to_owned(), |id| format!("request {id}")),
        }),
        EntranceEvent::DecoyToken {
            from,
            decoy,
            request_id,
        } => {
            let request = request_id
                .map(|id| format!("request {id} with "))
                .unwrap_or_default();
            Some(Evidence {
                from: *from,
                among: None,
                sign: Sign::Decoy,
                line: format!("{request}the decoy token {decoy}"),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchroom_defence::NewBan;

    use super::*;

    /// Narrowest network of IPv6 that is banned.
    const CUSTOMER_BITS: u8 = 64;

    fn written() -> impl Strategy<Value = String> {
        let v4 = any::<[u8; 4]>().prop_map(IpAddr::from);
        let v6 = any::<[u8; 16]>().prop_map(IpAddr::from);
        let mapped = any::<[u8; 4]>().prop_map(|octets| {
            let address = std::net::Ipv4Addr::from(octets);
            IpAddr::from(address.to_ipv6_mapped())
        });
        let network = (prop_oneof![v4, v6, mapped], proptest::option::of(0..130_u8));
        let network = network.prop_map(|(address, bits)| match bits {
            Some(bits) => format!("{address}/{bits}"),
            None => address.to_string(),
        });
        prop_oneof![4 => network, 1 => "[0-9a-f:./ ]{0,40}", 1 => "\\PC{0,12}"]
    }

    proptest! {
        /// Who bans and the edge read networks each for themselves; around what is typed for a ban spaces do not count.
        #[test]
        fn a_ban_takes_the_networks_that_the_edge_takes(text in written()) {
            let ban = NewBan { network: text.clone(), kind: BanKind::Attack, reason: "a story".to_owned(), for_s: None };
            let read = text.trim().parse::<Network>().ok().map(|network| {
                let network = IpNet::from(network);
                let is_narrow = network.addr().is_ipv6() && network.prefix_len() > CUSTOMER_BITS;
                let bits = if is_narrow { CUSTOMER_BITS } else { network.prefix_len() };
                IpNet::new(network.addr(), bits).unwrap().trunc()
            });
            prop_assert_eq!(ban.banned(), read, "{}", text);
        }
    }
}
