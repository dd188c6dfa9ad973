//! SQL injection.

use super::{left_alone, refused};
use watchroom_inspect::Class::Sqli;

#[test]
fn a_column_equal_to_itself() {
    refused(
        Sqli,
        &[
            "1 or t.id=t.id",
            "' or users.name=users.name--",
            "' or name=name--",
            "x' or a.b.c=a.b.c or 'x'='",
        ],
    );
    left_alone(&[
        "impl<T> Copy for Own<T> where T: ?Sized {}",
        "if self.a == self.b or self.c",
        "a.x == b.x or c",
        "sys.base != sys.prefix or is_there(sys)",
        "node.left.size = node.right.size or node.size",
    ]);
}

#[test]
fn calls_and_rows_have_round_brackets() {
    refused(
        Sqli,
        &[
            "1 and database()='a'",
            "1,user()",
            "x'),('y','z')-- -",
            "1),(2",
            "1),('a'",
        ],
    );
    left_alone(&[
        "let user = User {",
        "pub enum Version {",
        "impl Default for Database {",
        r#"[{"id":1},{"id":2}]"#,
        r#"{"rows":[{"a":"x","b":1},{"a":"y","b":2}]}"#,
        "[{'n': 1}, {'n': 2}]",
    ]);
}
