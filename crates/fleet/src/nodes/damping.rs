//! Flapping: a node that comes and goes is told of once, not each time.

use std::collections::VecDeque;

use time::{Duration, OffsetDateTime};
use watchroom_model::NodeStatus;

/// How long a change of state is remembered.
const WINDOW: Duration = Duration::minutes(5);
/// Changes within the window after which a node flaps: it went and came back twice.
const FLAPPING: usize = 4;

/// What is worth telling people about a node's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// It is in another state.
    Became(NodeStatus),
    /// It changes again and again; nothing more is told until it holds still.
    Flapping,
    /// It has held still in this state for five minutes.
    Settled(NodeStatus),
}

/// The last changes of a node's state.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    status: Option<NodeStatus>,
    changes: VecDeque<OffsetDateTime>,
    is_flapping: bool,
}

impl Turns {
    /// Looks at the state of `now`; says what is worth telling, if anything is.
    pub(crate) fn look(&mut self, now: OffsetDateTime, status: NodeStatus) -> Option<Turn> {
        while self.changes.front().is_some_and(|at| now - *at >= WINDOW) {
            self.changes.pop_front();
        }
        let is_first = self.status.is_none();
        let has_changed = self.status.replace(status) != Some(status);
        if is_first {
            // That all is well after a start of the Host is nobody's news.
            return (status != NodeStatus::Online).then_some(Turn::Became(status));
        }
        if has_changed {
            self.changes.push_back(now);
        }
        match (self.is_flapping, has_changed) {
            (true, _) if self.changes.is_empty() => {
                self.is_flapping = false;
                Some(Turn::Settled(status))
            }
            (true, _) | (false, false) => None,
            (false, true) if self.changes.len() >= FLAPPING => {
                self.is_flapping = true;
                Some(Turn::Flapping)
            }
            (false, true) => Some(Turn::Became(status)),
        }
    }

    /// Whether it changes again and again.
    pub(crate) const fn is_flapping(&self) -> bool {
        self.is_flapping
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn at(second: i64) -> OffsetDateTime {
        START + Duration::seconds(second)
    }

    #[test]
    fn a_node_that_comes_and_goes_is_told_of_once_until_it_holds_still() {
        let mut turns = Turns::default();
        let states = [NodeStatus::Online, NodeStatus::Late];
        let told: Vec<_> = (0..20)
            .filter_map(|turn| turns.look(at(turn * 10), states[usize::try_from(turn % 2).unwrap()]))
            .collect();
        assert_eq!(
            told,
            [
                Turn::Became(NodeStatus::Late),
                Turn::Became(NodeStatus::Online),
                Turn::Became(NodeStatus::Late),
                Turn::Flapping
            ]
        );
        assert_eq!(turns.look(at(489), NodeStatus::Late), None);
        assert_eq!(
            turns.look(at(490), NodeStatus::Late),
            Some(Turn::Settled(NodeStatus::Late))
        );
        assert_eq!(
            turns.look(at(500), NodeStatus::Offline),
            Some(Turn::Became(NodeStatus::Offline))
        );
    }

    proptest! {
        #[test]
        fn little_is_told_however_wildly_a_node_changes(gaps in prop::collection::vec(1i64..400, 1..300)) {
            let mut turns = Turns::default();
            let (mut second, mut told) = (0, Vec::new());
            for (turn, gap) in gaps.iter().enumerate() {
                second += gap;
                let status = if turn % 2 == 0 { NodeStatus::Online } else { NodeStatus::Offline };
                told.extend(turns.look(at(second), status).map(|turn| (second, turn)));
            }
            // Within any five minutes: the changes before it flaps, that it flaps, and that it has settled.
            for (from, _) in &told {
                let within = told.iter().filter(|(other, _)| (*from..*from + 300).contains(other));
                prop_assert!(within.count() <= FLAPPING + 2);
            }
        }
    }
}
