//! The parsers of this crate, open to the fuzz targets and to the test below; no other build has them.

use watchroom_trust::NodeKey;

use crate::config::{ConfigError, lines_at_fault};
use crate::role_file::Statement;

/// A configuration file. Each problem names the line it is on, and the line is one of the file's.
///
/// # Errors
/// If what is left when the problems are set aside is no configuration: that is a fault of ours.
pub fn configuration(text: &str) -> Result<(), ConfigError> {
    let lines = text.split('\n').count();
    for line in lines_at_fault(text)? {
        assert!((1..=lines).contains(&line), "line {line} of {lines}");
    }
    Ok(())
}

/// A `role.toml` found on disk. None is believed that `key` did not sign.
pub fn role_file(text: &[u8], key: &NodeKey) {
    if let Ok(statement) = Statement::read(text, key) {
        assert_eq!(statement.text().as_bytes(), text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_hooks_stand_any_text() {
        let folder = tempfile::tempdir().unwrap();
        let key = NodeKey::open_or_make(folder.path()).unwrap();
        let texts = (
            "\\PC{0,80}",
            "[a-z]{1,6} = [0-9\"a-z\\[\\]{}]{0,9}\n",
            "\\[host\\]\n[a-z_]{1,9} = \"\\PC{0,9}\"\n",
        );
        proptest!(|((any, pair, section) in texts)| {
            for text in [&any, &pair, &section] {
                configuration(text).unwrap();
                role_file(text.as_bytes(), &key);
            }
        });
    }
}
