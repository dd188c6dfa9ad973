//! Entries as CSV (RFC 4180) for spreadsheets: every cell quoted, none of them a formula.

use crate::{Entry, canonical, stamp};

/// The first line, with its line end.
pub const HEADER: &str = "seq,timestamp,event_type,user,action,resource,result,source_ip,user_agent,request_id,decision_id,\
                          extra,prev_hash,hash,chain\r\n";

/// One entry as a line, with its line end. A cell that a spreadsheet would take for a formula gets an
/// apostrophe in front, so the text is for people; what can be verified is the export as JSON Lines.
#[must_use]
pub fn row(entry: &Entry) -> String {
    let mut extra = String::new();
    canonical::write_members(&mut extra, &entry.extra);
    let or_empty = |text: Option<String>| text.unwrap_or_default();
    let cells = [
        entry.seq.to_string(),
        stamp::to_text(entry.timestamp),
        entry.event_type.word().to_owned(),
        entry.user.clone(),
        entry.action.clone(),
        entry.resource.clone(),
        entry.result.word().to_owned(),
        or_empty(entry.source_ip.map(|ip| ip.to_string())),
        or_empty(entry.user_agent.clone()),
        or_empty(entry.request_id.map(|id| id.to_string())),
        or_empty(entry.decision_id.map(|id| id.to_string())),
        extra,
        entry.prev_hash.to_string(),
        entry.hash.to_string(),
        entry.chain.clone(),
    ];
    let mut line = cells
        .iter()
        .map(|cell| quoted(cell))
        .collect::<Vec<_>>()
        .join(",");
    line.push_str("\r\n");
    line
}

fn quoted(cell: &str) -> String {
    let first =
        cell.trim_start_matches(|character: char| character.is_whitespace() || character.is_control());
    let is_formula = first.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let starts_oddly = cell.starts_with(['\t', '\r', '\n']);
    let guard = if is_formula || starts_oddly { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "\u{ff1d}1"] {
            assert!(quoted(text).starts_with("\"'"), "{text:?}");
        }
        assert_eq!(quoted("Mozilla \"x\", y"), "\"Mozilla \"\"x\"\", y\"");
    }
}
