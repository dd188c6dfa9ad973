//! Writing with leave to read: an act that changes nothing leaves no entry, so it opens no transaction.

use watchroom_policy::{Permit, act};
use watchroom_store::{Store, StoreError};

async fn write(store: &Store, permit: &Permit<act::ReadConsole>) -> Result<(), StoreError> {
    store.write(permit, async move |_tx| Ok::<_, StoreError>(())).await
}

fn main() {}
