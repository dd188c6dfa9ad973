//! Finding functions and their lines by counting braces in code without comments and literals.

use super::Measured;
use crate::rust_text::{code_only, item_length};

/// Every function with a body in the file, named `path#function`, its signature counted, its doc comment not.
pub(super) fn measure(file: &str, source: &str) -> Vec<Measured> {
    let code = code_only(source);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if code
            .get(..at)
            .is_some_and(|before| before.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        {
            continue;
        }
        let Some(item) = code.get(at..) else { continue };
        let name: String = item
            .chars()
            .skip(3)
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let body = item.get(..item_length(item)).unwrap_or(item);
        // `fn(` is a type and `fn a();` a promise of a trait: neither has a body.
        if !name.is_empty() && body.ends_with('}') {
            found.push(Measured {
                name: format!("{file}#{name}"),
                lines: body.lines().count(),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_counted_and_promises_are_not() {
        let source = "trait A {\n fn promised(&self, b: [u8; 4]);\n fn given(&self) {\n  // }\n }\n}\nconst fn one() -> u8 { 1 }\n";
        let found = measure("a.rs", source);
        let names: Vec<(&str, usize)> = found.iter().map(|one| (one.name.as_str(), one.lines)).collect();
        assert_eq!(names, [("a.rs#given", 3), ("a.rs#one", 1)]);
    }
}
