//! The fields of forms and JSON, of path and query, and what browsers report, as the shield takes them apart.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_shield::{BodyForm, ReportForm, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, body)) = bytes.split_first() else {
        return;
    };
    match kind % 5 {
        0 => fuzzing::body(BodyForm::Form, body),
        1 => fuzzing::body(BodyForm::Json, body),
        2 => fuzzing::report(ReportForm::Single, body),
        3 => fuzzing::report(ReportForm::Batch, body),
        _ => {
            let text = String::from_utf8_lossy(body);
            let (path, query) = text.split_once('?').unwrap_or((&text, ""));
            fuzzing::head(path, query);
        }
    }
});
