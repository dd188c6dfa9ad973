//! Cross-site scripting.

use super::{left_alone, refused};
use watchroom_inspect::Class::Xss;

#[test]
fn a_call_by_backticks_between_quotes() {
    refused(
        Xss,
        &["'-alert`1`-'", "\"-confirm`1`-\"", "'-prompt`x`-'", "'-eval`x`-'"],
    );
    left_alone(&[
        "the `alert` sign",
        "`print` - what is shown",
        "a`b`c",
        "rock'n'roll - `live`",
    ]);
}
