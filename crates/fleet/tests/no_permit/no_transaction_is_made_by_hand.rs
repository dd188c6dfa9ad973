//! Making a write transaction by hand: only the store does, with the entry of the change.

use watchroom_store::WriteTx;

fn made() -> WriteTx {
    WriteTx {}
}

fn main() {}
