//! Writing without a permit: there is no way to a transaction but through one.

use watchroom_store::{Store, StoreError};

async fn write(store: &Store) -> Result<(), StoreError> {
    store.write(async move |_tx| Ok::<_, StoreError>(())).await
}

fn main() {}
