//! Each technique next to what honest people write that looks like it.

#![expect(clippy::tests_outside_test_module, reason = "the modules are the test")]

mod path;
mod script;
mod sql;

use watchroom_inspect::{Class, inspect};

/// Every text is an attack of this class.
#[track_caller]
fn refused(class: Class, texts: &[&str]) {
    let missed: Vec<_> = texts
        .iter()
        .map(|text| (inspect(text.as_bytes()).map(|finding| finding.class()), text))
        .filter(|(found, _)| *found != Some(class))
        .collect();
    assert!(missed.is_empty(), "not found as {class}: {missed:#?}");
}

/// No text is an attack.
#[track_caller]
fn left_alone(texts: &[&str]) {
    let found: Vec<_> = texts
        .iter()
        .filter_map(|text| inspect(text.as_bytes()).map(|finding| (finding.rule, text)))
        .collect();
    assert!(found.is_empty(), "refused: {found:#?}");
}
