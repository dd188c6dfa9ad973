//! Taking leave for a person's act as the house takes it for its own.

use watchroom_model::DecisionId;
use watchroom_policy::{Permit, Resource, ResourceKind, act};

fn taken(decision: DecisionId) -> Permit<act::RemoveServer> {
    Permit::of_house(&Resource::all(ResourceKind::Server), decision)
}

fn main() {}
