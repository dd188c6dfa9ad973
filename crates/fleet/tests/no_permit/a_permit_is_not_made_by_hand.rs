//! Making a permit by hand: only the evaluator can.

use std::marker::PhantomData;
use std::sync::Arc;

use watchroom_model::DecisionId;
use watchroom_policy::{Permit, Principal, Resource, ResourceKind, Trail, act};

fn made(decision: DecisionId) -> Permit<act::RemoveServer> {
    Permit {
        principal: Arc::new(Principal::system()),
        resource: Resource::all(ResourceKind::Server),
        trail: Trail::default(),
        decision,
        act: PhantomData,
    }
}

fn main() {}
