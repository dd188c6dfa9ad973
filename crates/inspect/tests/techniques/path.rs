//! Path traversal.

use super::{left_alone, refused};
use watchroom_inspect::Class::Traversal;

#[test]
fn dots_in_hexadecimal_behind_a_backslash() {
    refused(
        Traversal,
        &[
            "0x2e0x2e\\0x2e0x2e\\x",
            "a\\0x2e0x2e\\0x2e0x2e\\win",
            "/static/0x2e0x2e%5c0x2e0x2e%5cx",
        ],
    );
    left_alone(&["0x2e", "C:\\0x1f\\dump", "at 0x2f00, \\0 ends it"]);
}
