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

#[test]
fn a_second_query_whatever_it_lists() {
    refused(
        Sqli,
        &[
            "1 union select!1,2",
            "1 union select~1,2",
            "1 union all select 'a' 'b'",
            "1 union select `a`",
            "1 union select{x 1}",
            "1 union distinct select-1",
            "1 union table users",
            "' union table users limit 1-- -",
            "0 UNIunionON SELselectECT 1,2",
            "1 uniunionon selselectect name",
            "' + (select top 1 password from users) + '",
            "1;select top 1 name from users--",
        ],
    );
    left_alone(&[
        "Union Select Committee",
        "union select, then order",
        "a credit union table for users",
        "Select top 5 items",
        "select top 3 winners from the list",
        "the European Union table",
    ]);
}

#[test]
fn a_condition_that_is_a_constant() {
    refused(
        Sqli,
        &[
            "17 or ~0",
            "17 or !0",
            "17 or -1",
            "17 or 0x31",
            "17 or 1e0",
            "17 || ~1",
            "17 or 1 group by 2",
            "17 or not 0",
            "17 or 'a'",
            "1 union select.1",
        ],
    );
    left_alone(&[
        "17 or 2",
        "1 or 2 or 3",
        "5 or 'five of them'",
        "a or 'b'",
        "a or -a",
        "f(x) = x or -x",
        "3 and 4",
        "4 or 5 people",
        "0x10, 0x20",
        "1 or 2, group by age",
        "2 or 3 from each",
    ]);
}

#[test]
fn words_with_themselves_inside() {
    refused(
        Sqli,
        &[
            "0'oorr'1'='1",
            "' oorr 1=1-- -",
            "' anandd 1=1#",
            "x' aandnd 'a'='a",
            "1 oorr 1=1",
            "1 SELSELECTECT 1",
        ],
    );
    left_alone(&[
        "oorr",
        "the word anandd",
        "Anand Anand",
        "door, floor",
        "1 oorr 2",
    ]);
}

#[test]
fn letters_strewn_with_per_cent_signs() {
    refused(
        Sqli,
        &[
            "1 %A%N%D 1=1",
            "1 %U%N%I%O%N %S%E%L%E%C%T 1,2",
            "x') %o%r ('a'='a",
            "1;%W%A%I%T%F%O%R %D%E%L%A%Y '0:0:5'",
        ],
    );
    left_alone(&[
        "%Y%m%dT%H%M%S",
        "%s%d%s or %s",
        "date +%Y%m%d",
        "100%Cotton",
        "%S%E",
    ]);
}

#[test]
fn odbc_and_padded_lines() {
    refused(
        Sqli,
        &[
            "1 and{d 1}=1",
            "1 or {fn 1}={t 1}",
            "1--AbC%0AAND--qwE%0A1=1",
            "1--x\nor--y\n1=1",
            "1;shutdown with nowait",
        ],
    );
    left_alone(&[
        "{d 1}",
        "if a {b c}",
        "--help\n--version",
        "i--j\nor k",
        "a--b",
        "1; shutdown with care",
    ]);
}

#[test]
fn a_quotation_ends_no_text_of_the_query() {
    left_alone(&[
        "if line[0] != '#':",
        "i = line.find('#')",
        "bits = string.split(b'%')",
        "version = \"<version>\"",
        "PGBINROOT=\"/usr/lib/postgresql/\"",
        "machine.replace('/', '-')",
        "'+': PLUS,",
        "\"/examples/**\",",
        "cu.execute(\"create table lang(name, first)\")",
        "docker exec -c 'select 1'",
        "ERROR: syntax error at or near \"select\"",
        "name = \"glob\"",
        "File \"<stdin>\", line 1",
    ]);
    refused(
        Sqli,
        &[
            "'#",
            "admin'--",
            "x '#",
            "'='",
            "'+'",
            "a' or 'b'='b",
            "a '; drop table users; select '",
            "(' or 1=1 or '')",
            "admin '#',",
            "admin '-- ',",
            "admin ');-- ',",
            "admin '/*',",
            "'#',",
            "a = ' or 'b' = 'b';",
            "' union select '1','2",
            "x=',(select password from users),'",
        ],
    );
}

#[test]
fn lines_of_programs_and_sentences() {
    left_alone(&[
        ") -> bool;",
        ") || usage();",
        ") or return;",
        "} = self;",
        "TAB     = 0x09  # ^I",
        "ECHO = bytes([1]) # echo",
        "loop = loop or events.get_loop()",
        "prefix = prefix or func.prefix",
        "sleep(5);",
        "await sleep(100);",
        "We sleep (5 or 6 hours) and then go on.",
        "Case 1: when it rains, then stay; else go. End.",
        "return $call(@args);",
        "my ($infile, $outfile);",
        "from `hashbrown` so that in the future",
    ]);
    refused(
        Sqli,
        &[
            ") or 1=1;",
            ") or sleep(5);",
            "1=1 or loop=loop",
            "1 or loop=loop",
            "id=1 #",
            "1;sleep(5);",
            "1 and sleep(5);",
            "sleep(5)",
            "exec(@q)",
            "1 into outfile 'x'",
            "from `users` where 1",
            "1 and case 1 when 1 then 2 end",
        ],
    );
}

#[test]
fn comments_for_spaces_and_new_users() {
    refused(
        Sqli,
        &[
            "drop/**/sampletable",
            "1/**/and/**/x",
            "select/*x*/name",
            "create user x identified by 'y'",
        ],
    );
    left_alone(&[
        "drop /* it */ here",
        "and/or",
        "f(a/*b*/, c)",
        "create a user account",
        "create user guides",
    ]);
}
