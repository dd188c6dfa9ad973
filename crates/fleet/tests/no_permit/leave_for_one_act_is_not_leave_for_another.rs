//! Stopping a server with leave to start it.

use watchroom_fleet::Fleet;
use watchroom_policy::{Permit, act};

async fn stop(fleet: &Fleet, permit: &Permit<act::StartServer>) {
    drop(fleet.stop(permit, None).await);
}

fn main() {}
