//! Path traversal.

use super::{left_alone, refused};
use watchroom_inspect::Class::Traversal;

#[test]
fn dots_in_hexadecimal_behind_a_backslash() {
    refused(
        Traversal,
        &[
            "0x2e0x2e\\0x2e0x2e\\x",
            "a\\0x2e0x2e\\0x2e0x2e\\win",
            "/static/0x2e0x2e%5c0x2e0x2e%5cx",
        ],
    );
    left_alone(&["0x2e", "C:\\0x1f\\dump", "at 0x2f00, \\0 ends it"]);
}

#[test]
fn what_a_filter_leaves() {
    refused(
        Traversal,
        &[
            "....//",
            "..././..././x",
            ".../...//.../...//x",
            "...\\.\\...\\.\\windows",
            "<../<../x",
            "..<>/..<>/x",
            "..|/..|/x",
            ".../.../x",
            "..\u{fe68}..\u{fe68}x",
            "/img../secret",
        ],
    );
    left_alone(&[
        "and so on .../ or not",
        "a/.../b/.../c",
        "wait... / go",
        "1..2/3..4",
        "img../",
        "see a.. / b",
    ]);
}

#[test]
fn broken_escapes_behind_dots() {
    refused(
        Traversal,
        &[
            "..%bg%qf..%bg%qfx",
            "%252e%252e%bg%qf%252e%252e%bg%qfx",
            "/\u{ff0e}\u{ff0e}%bg%qf\u{ff0e}\u{ff0e}%bg%qfid_rsa",
            ".%00.%bg%qf.%00.%bg%qfx",
        ],
    );
    left_alone(&["%d.%ld.%lu", "50..%of all", "5..%d", "100%.. or 20%.."]);
}

#[test]
fn names_that_end_otherwise() {
    refused(
        Traversal,
        &[
            "config.php%00.txt",
            "x.php%00",
            "shell.php%00.gif",
            "index.asp::$DATA",
            "web.config::$data",
            "x.asp::$INDEX_ALLOCATION",
        ],
    );
    left_alone(&[
        "a.php.txt",
        "cost: $DATA",
        "echo $DATA.txt",
        "php.ini.example",
        "boot.ini.md",
    ]);
}

#[test]
fn files_of_the_machine_as_all_of_the_text() {
    refused(
        Traversal,
        &[
            "/???/passwd",
            "/etc/pass*",
            "/e?c/p?sswd",
            "/etc/ssl/private/server.key",
            "/etc/postgresql/15/main/pg_hba.conf",
            "/proc/12/environ",
            "/run/secrets/db_password",
            "/etc/xinetd.conf",
            "/etc/at.allow",
            "/usr/local/etc/php.ini",
            "/root/notes.txt",
            "c:\\xampp\\mysql\\data\\x",
            ".git/HEAD",
            ".svn/entries",
            "/WEB-INF/classes/x.properties",
            "/.git/HEAD",
            "/home/admin/.pgpass",
            "/home/admin/.docker/config.json",
            "c:/inetpub/logs/x.log",
            "\\\\evil.example@SSL\\DavWWWRoot\\x",
            "cat /etc/passwd",
            "; cat /etc/passwd",
        ],
    );
    left_alone(&[
        "/etc/nginx/nginx.conf",
        "/home/steam/cs2/1/game.conf",
        "/src/**",
        "/opt/**/passages",
        "META-INF/MANIFEST.MF",
        "frontend/.npmrc",
        ".gitignore",
        "/srv/games/etc/x.conf",
        "./etc/x.conf",
        "C:\\Windows\\System32\\ls",
        "/srv/git/app.git/HEAD",
        "/srv/app/etc/nginx/x.key",
        "Don't touch /etc/passwd!",
        "/etc/passwd holds accounts.",
        "why `/etc/group` and `/etc/passwd` differ",
    ]);
}

#[test]
fn references_in_other_text() {
    left_alone(&[
        "#[doc = include_str!(\"../../doc/DEBUG.md\")]",
        "path = \"../../mips/bits/mutex.rs\"",
        "## [Contribute](../../CONTRIBUTING.md)",
        "import x from '../../components/x'",
        "[![a](https://x.example/y%20z)](../../LICENSE.md)",
    ]);
    refused(
        Traversal,
        &[
            "../../x",
            "\"../../x\"",
            "a=../../x",
            "file=\"../../../../../x\"",
            "include(\"../../etc/passwd\")",
        ],
    );
}
