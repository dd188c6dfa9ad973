//! What nodes say of their servers, kept at a pace that no node sets: the newest word of each server, with every node
//! waiting for itself alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use watchroom_fleet::Fleet;
use watchroom_fleet::servers::IsNews;
use watchroom_kit::Tasks;
use watchroom_link::{Hub, Pace};
use watchroom_model::{NodeId, ServerId, ServerReport};

/// Each report that is kept is a durable write and an audit entry: of one server one a second.
const SERVER: (Duration, u32) = (Duration::from_secs(1), 8);
/// Of all servers of a node together, once as many as a machine has that goes down were kept at once.
const NODE: (Duration, u32) = (Duration::from_millis(20), 2_048);
/// How often a node is told again of what it does not keep.
const MENDING: (Duration, u32) = (Duration::from_secs(5), 2);
/// How often it is written to the log that a node tells of servers that are not its own.
const STRANGE: (Duration, u32) = (Duration::from_secs(60), 1);

/// The desks at which reports are taken, one for each node.
pub(super) struct Reports {
    hub: Hub,
    fleet: Fleet,
    tasks: Tasks,
    /// What paces are measured from.
    begun: Instant,
    desks: HashMap<NodeId, Arc<Mutex<Desk>>>,
}

/// What one node said.
struct Desk {
    /// The newest word of each server that is not kept yet.
    waiting: BTreeMap<ServerId, Arc<ServerReport>>,
    /// Whether it told of all its servers since they were last compared with those that it should have.
    is_roll_due: bool,
    /// Whether somebody sits here.
    is_busy: bool,
    servers: BTreeMap<ServerId, Pace>,
    node: Pace,
    mending: Pace,
    strange: Pace,
}

/// What is to be done next at a desk.
enum Next {
    Keep(Arc<ServerReport>),
    Mend,
    Wait(Duration),
    Leave,
}

impl Reports {
    pub(super) fn new(hub: &Hub, fleet: &Fleet, tasks: &Tasks) -> Self {
        Self {
            hub: hub.clone(),
            fleet: fleet.clone(),
            tasks: tasks.clone(),
            begun: Instant::now(),
            desks: HashMap::new(),
        }
    }

    /// A node has said how one of its servers is.
    pub(super) fn one(&mut self, node: NodeId, report: Arc<ServerReport>) {
        self.take(node, vec![report], false);
    }

    /// A node has said how all its servers are.
    pub(super) fn all(&mut self, node: NodeId) {
        if let Some(link) = self.hub.link(node) {
            self.take(node, link.reports(), true);
        }
    }

    fn take(&mut self, node: NodeId, reports: Vec<Arc<ServerReport>>, is_roll: bool) {
        let desk = self.desks.entry(node).or_default();
        let begun = self.begun;
        let now = begun.elapsed();
        let mut at = desk.lock().unwrap_or_else(PoisonError::into_inner);
        at.is_roll_due |= is_roll;
        for report in reports {
            match self.fleet.is_news(node, &report) {
                // What is known may be about to change: by a word that was said before this one.
                IsNews::Known if !at.is_busy => {}
                IsNews::News | IsNews::Known => drop(at.waiting.insert(report.id, report)),
                IsNews::NotItsOwn if at.strange.take(now).is_ok() => {
                    tracing::warn!(node.id = %node, server.id = %report.id, "a node reports a server that is not its own");
                }
                IsNews::NotItsOwn => {}
            }
        }
        if at.is_busy || (at.waiting.is_empty() && !at.is_roll_due) {
            return;
        }
        at.is_busy = true;
        drop(at);
        let (desk, hub, fleet) = (Arc::clone(desk), self.hub.clone(), self.fleet.clone());
        self.tasks.spawn("keep-reports", async move {
            loop {
                let next = desk.lock().unwrap_or_else(PoisonError::into_inner).next(begun.elapsed());
                match next {
                    Next::Keep(report) => {
                        if let Err(error) = fleet.reported(node, (*report).clone()).await {
                            tracing::error!(node.id = %node, %error, "what a node said could not be kept; its next report will say it again");
                        }
                    }
                    Next::Mend => {
                        if let Some(link) = hub.link(node) {
                            let kept: BTreeSet<_> = link.reports().iter().map(|report| report.id).collect();
                            fleet.mend_roll(node, &kept).await;
                        }
                    }
                    Next::Wait(wait) => tokio::time::sleep(wait).await,
                    Next::Leave => return,
                }
            }
        });
    }
}

impl Default for Desk {
    fn default() -> Self {
        let pace = |(every, at_once)| Pace::new(every, at_once);
        Self {
            waiting: BTreeMap::new(),
            is_roll_due: false,
            is_busy: false,
            servers: BTreeMap::new(),
            node: pace(NODE),
            mending: pace(MENDING),
            strange: pace(STRANGE),
        }
    }
}

impl Desk {
    /// The next word whose turn it is. Whoever is told to leave has left.
    fn next(&mut self, now: Duration) -> Next {
        let mut wait = None;
        let mut shortest = |turn: Duration| wait = Some(wait.map_or(turn, |wait: Duration| wait.min(turn)));
        let mut ready = None;
        for id in self.waiting.keys() {
            let pace = self
                .servers
                .entry(*id)
                .or_insert_with(|| Pace::new(SERVER.0, SERVER.1));
            // The server's turn is taken only with the node's.
            let mut taken = pace.clone();
            match taken.take(now).map(|()| self.node.take(now)) {
                Err(turn) => shortest(turn),
                Ok(Err(turn)) => {
                    shortest(turn);
                    break;
                }
                Ok(Ok(())) => {
                    *pace = taken;
                    ready = Some(*id);
                    break;
                }
            }
        }
        if let Some(report) = ready.and_then(|id| self.waiting.remove(&id)) {
            return Next::Keep(report);
        }
        if self.is_roll_due {
            match self.mending.take(now) {
                Err(turn) => shortest(turn),
                Ok(()) => {
                    self.is_roll_due = false;
                    return Next::Mend;
                }
            }
        }
        self.servers.retain(|_, pace| !pace.has_rested(now));
        if let Some(wait) = wait {
            return Next::Wait(wait);
        }
        self.is_busy = false;
        Next::Leave
    }
}

#[cfg(test)]
mod tests {
    use watchroom_kit::Ambient;
    use watchroom_model::{Desired, ServerStatus};

    use super::*;

    fn said(id: ServerId, pid: u32) -> Arc<ServerReport> {
        Arc::new(ServerReport {
            id,
            desired: Desired::Running,
            status: ServerStatus::Running,
            reason: String::new(),
            pid: Some(pid),
            started_at: None,
            exit_code: None,
            limited_by: String::new(),
        })
    }

    /// How many words of how many servers are kept, if each of them says something new whenever it is looked at.
    fn kept(servers: usize, for_s: u64) -> usize {
        let ambient = Ambient::system();
        let ids: Vec<_> = (0..servers).map(|_| ServerId::mint(&ambient)).collect();
        let (mut desk, mut kept, mut now) = (Desk::default(), 0, Duration::ZERO);
        let mut pid = 0;
        while now < Duration::from_secs(for_s) {
            for id in &ids {
                pid += 1;
                desk.waiting.insert(*id, said(*id, pid));
            }
            match desk.next(now) {
                Next::Keep(_) => kept += 1,
                Next::Wait(wait) => now += wait,
                Next::Mend | Next::Leave => panic!("there is always something to keep"),
            }
        }
        kept
    }

    #[test]
    fn however_often_a_server_changes_it_is_written_down_once_a_second() {
        assert_eq!(kept(1, 100), 8 + 99);
        assert_eq!(kept(3, 100), 3 * (8 + 99));
    }

    #[test]
    fn a_node_with_many_servers_that_change_for_ever_has_a_bound_of_its_own() {
        assert_eq!(kept(300, 100), 2_048 + 50 * 100 - 1);
    }

    #[test]
    fn the_last_word_is_kept_and_whoever_leaves_is_sent_for_again() {
        let ambient = Ambient::system();
        let id = ServerId::mint(&ambient);
        let mut desk = Desk {
            is_busy: true,
            is_roll_due: true,
            ..Desk::default()
        };
        let mut last = None;
        for pid in 0..20 {
            desk.waiting.insert(id, said(id, pid));
            if let Next::Keep(report) = desk.next(Duration::ZERO) {
                last = report.pid;
            }
        }
        assert_eq!(last, Some(7));
        assert!(matches!(desk.next(Duration::ZERO), Next::Wait(_)));
        let Next::Keep(report) = desk.next(Duration::from_secs(1)) else {
            panic!("its turn has come")
        };
        assert_eq!(report.pid, Some(19));
        assert!(matches!(desk.next(Duration::from_secs(60)), Next::Leave) && !desk.is_busy);
        assert!(
            desk.servers.is_empty(),
            "nothing is remembered of a server that is quiet"
        );
    }
}
