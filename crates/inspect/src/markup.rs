//! Cross-site scripting: elements, handlers, addresses, styles, and script that ends other script.

mod address;
mod element;
mod handler;
mod script;

use crate::tally::{Finding, Tally};

/// Reads one view of a text as a browser would, wherever on a page it lands: between elements, in an attribute, in
/// an address, in a style, in a script.
pub(crate) fn judge(text: &[u8], work: &mut u64) -> Option<Finding> {
    let mut tally = Tally::default();
    // Each reader goes over the text once.
    for reader in [element::judge, handler::judge, address::judge, script::judge] {
        if tally.is_decided() {
            break;
        }
        *work += u64::try_from(text.len()).unwrap_or(u64::MAX);
        reader(text, &mut tally);
    }
    tally.finding()
}
