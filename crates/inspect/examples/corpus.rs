//! Measures the inspector against a corpus: `cargo run -p watchroom-inspect --example corpus < FILE`.
//!
//! Each line is `{"id","class":"sqli|xss|traversal|benign","payload"}`. It prints for each class how many there
//! are, how many were found at all, and how many as what they are; with the word `misses` in the place of the
//! first line's id nothing changes, since there are no options: the misses go to standard error, a line each.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

fn main() -> io::Result<()> {
    let mut classes: BTreeMap<String, [u32; 3]> = BTreeMap::new();
    let mut misses = io::stderr().lock();
    for line in io::stdin().lock().lines() {
        let line: serde_json::Value = serde_json::from_str(&line?)?;
        let text = |field: &str| {
            line.get(field)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let (class, payload) = (text("class"), text("payload"));
        let finding = watchroom_inspect::inspect(payload.as_bytes());
        let found = finding.map_or("benign", |finding| finding.class().name());
        let [all, found_any, found_right] = classes.entry(class.clone()).or_default();
        *all += 1;
        *found_any += u32::from(finding.is_some());
        *found_right += u32::from(found == class);
        if found != class {
            let rule = finding.map_or_else(String::new, |finding| {
                format!("{} {}", finding.rule, finding.score)
            });
            writeln!(misses, "{class}\t{found} {rule}\t{}\t{payload:?}", text("kind"))?;
        }
    }
    let mut out = io::stdout().lock();
    for (class, [all, any, right]) in classes {
        let percent = |count: u32| 100.0 * f64::from(count) / f64::from(all);
        writeln!(
            out,
            "{class:<10} {all:>6}  flagged {any:>6} {:>7.2} %  as itself {:>7.2} %",
            percent(any),
            percent(right)
        )?;
    }
    Ok(())
}
