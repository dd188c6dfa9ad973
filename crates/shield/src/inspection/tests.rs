//! What is read of a request, and what is not.

use http::header::{REFERER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

fn spotted(
    rule: RouteRule,
    path: &str,
    query: Option<&str>,
    headers: &[(HeaderName, &'static str)],
) -> Option<String> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
        .collect();
    let plan = Plan {
        rule,
        only_reports: false,
    };
    inspect_head(plan, path, query, &Heads::of(&headers)).map(|spotted| spotted.field)
}

fn in_json(text: &str) -> Option<(String, bool)> {
    let rule = RouteRule::new(RouteClass::Change).with_fields(&["note"], &["password"]);
    let mut verdicts = Verdicts::new(Plan {
        rule,
        only_reports: false,
    });
    Fields::new(&mut verdicts).json(text.as_bytes());
    verdicts
        .spotted()
        .map(|spotted| (spotted.field, spotted.is_refused))
}

const BROWSERS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0",
    "curl/8.16.0",
    "sqlmap's friend (just a name)",
];

#[test]
fn what_browsers_say_of_themselves_is_no_attack() {
    let rule = RouteRule::new(RouteClass::Page);
    for browser in BROWSERS {
        assert_eq!(
            spotted(rule, "/", None, &[(USER_AGENT, browser)]),
            None,
            "{browser}"
        );
    }
    let shellshock = [(USER_AGENT, "x' union select password from users --")];
    assert_eq!(
        spotted(rule, "/", None, &shellshock),
        Some("header user-agent".to_owned())
    );
    let referer = [(REFERER, "https://x.example/?q=<script>alert(1)</script>")];
    assert_eq!(
        spotted(rule, "/", None, &referer),
        Some("header referer".to_owned())
    );
}

#[test]
fn path_and_query_are_read_decoded_and_fixed_files_not_at_all() {
    let rule = RouteRule::new(RouteClass::Read);
    assert_eq!(
        spotted(rule, "/api/servers/a-b_c.d", Some("limit=5&name=web"), &[]),
        None
    );
    assert_eq!(
        spotted(rule, "/api/%2e%2e%2f%2e%2e%2fetc", None, &[]),
        Some("path".to_owned())
    );
    assert_eq!(
        spotted(rule, "/api", Some("q=1%27+or+%271%27%3D%271"), &[]),
        Some("q".to_owned())
    );
    assert_eq!(
        spotted(rule, "/api", Some("1%27+or+%271%27%3D%271=q"), &[]),
        Some("name of a field".to_owned())
    );
    let file = RouteRule::new(RouteClass::Static);
    assert_eq!(spotted(file, "/assets/..%2f..%2fetc%2fpasswd", None, &[]), None);
    assert_eq!(
        spotted(rule.uninspected("a test"), "/api/../../x", None, &[]),
        None
    );
}

#[test]
fn a_query_of_nothing_but_words_and_dots_is_read_too() {
    let rule = RouteRule::new(RouteClass::Read);
    for query in [
        "q=2+union+select+3",
        "q=2+or+true",
        "q=.htpasswd",
        "q=boot.ini",
        "a=b&q=1+order+by+7--",
    ] {
        assert!(spotted(rule, "/api", Some(query), &[]).is_some(), "{query}");
    }
    assert_eq!(spotted(rule, "/api", Some("page=2&sort=name&q=a+b.c"), &[]), None);
}

#[test]
fn strings_of_json_are_read_wherever_they_are_and_secrets_never() {
    let attack = "1' or '1'='1";
    let refused = |field: &str| Some((field.to_owned(), true));
    assert_eq!(
        in_json(&format!(r#"{{"a":{{"b":[1,null,"{attack}"]}}}}"#)),
        refused("a.b.2")
    );
    assert_eq!(in_json(&format!(r#"["x","{attack}"]"#)), refused("1"));
    assert_eq!(
        in_json(r#"{"a":"1\u0027 or \u00271\u0027=\u00271"}"#),
        refused("a")
    );
    assert_eq!(
        in_json(&format!(r#"{{"{attack}":1}}"#)),
        refused("name of a field")
    );
    assert_eq!(
        in_json(&format!(r#"{{"note":["{attack}"]}}"#)),
        Some(("note.0".to_owned(), false))
    );
    assert_eq!(in_json(&format!(r#"{{"password":"{attack}"}}"#)), None);
    assert_eq!(
        in_json(&format!(r#"{{"note":"{attack}","name":"{attack}"}}"#)),
        refused("name")
    );
    assert_eq!(in_json(r#"{"a":"fine","b":"#), None);
}

/// If reading one string took as long as the names around it, this would not end.
#[test]
fn many_texts_within_long_names_are_read_as_fast_as_others() {
    let attack = "1' or '1'='1";
    let empty = vec![r#""""#; 300_000].join(",");
    // The 64th byte is in the middle of a character, and each part could be a name of its own.
    let long = format!("{}é{}", "a".repeat(63), ".a".repeat(30_000));
    let text = format!(r#"{{"{long}":[{empty},"{attack}"]}}"#);
    assert_eq!(in_json(&text), Some((format!("{}.", "a".repeat(63)), true)));

    let nested = (0..120)
        .map(|_| format!(r#"{{"{}":"#, "b.".repeat(32)))
        .collect::<String>();
    let text = format!(r#"{nested}[{empty},"{attack}"]{}"#, "}".repeat(120));
    assert_eq!(in_json(&text), Some(("b.".repeat(32), true)));

    let form = format!("{long}=fine&{}{long}={attack}", "&".repeat(300_000));
    let rule = RouteRule::new(RouteClass::Change);
    let plan = Plan {
        rule,
        only_reports: false,
    };
    let spotted = read_body(plan, BodyForm::Form, form.as_bytes()).spotted.unwrap();
    assert_eq!(spotted.field, format!("{}?", "a".repeat(63)));
}

#[test]
fn what_is_declared_holds_however_deep_and_long_the_names_within_are() {
    let attack = "1' or '1'='1";
    let long = "é".repeat(100);
    let within = |name: &str| format!(r#"{{"{name}":{{"{long}":[{{"{long}":"{attack}"}}]}}}}"#);
    assert_eq!(in_json(&within("password")), None);
    assert_eq!(
        in_json(&within("note")).map(|(_, is_refused)| is_refused),
        Some(false)
    );
    assert_eq!(
        in_json(&within("name")).map(|(_, is_refused)| is_refused),
        Some(true)
    );
    // What was declared ends with what it was declared for.
    let after = format!(r#"{{"password":{{"a":"{attack}"}},"name":"{attack}"}}"#);
    assert_eq!(in_json(&after), Some(("name".to_owned(), true)));
}

fn unread(form: BodyForm, text: &str) -> Option<Objection> {
    let rule = RouteRule::new(RouteClass::Change).with_fields(&["note"], &["password"]);
    let plan = Plan {
        rule,
        only_reports: false,
    };
    let read = read_body(plan, form, text.as_bytes());
    assert_eq!(read.spotted, None);
    read.unread
}

#[test]
fn what_stands_behind_more_than_is_read_is_refused() {
    let attack = "1' or '1'='1";
    let fine = "fine words ".repeat(5_000);
    let json = |many: usize, end: &str| {
        let fields: String = (0..many).map(|n| format!(r#""f{n}":"{fine}","#)).collect();
        format!(r#"{{{fields}"z":"{end}"}}"#)
    };
    assert_eq!(unread(BodyForm::Json, &json(5, "fine")), None);
    assert_eq!(unread(BodyForm::Json, &json(6, attack)), Some(Objection::TooMuch));
    let form = |many: usize, end: &str| {
        let fields: String = (0..many).map(|n| format!("f{n}={fine}&")).collect();
        format!("{fields}z={end}")
    };
    assert_eq!(unread(BodyForm::Form, &form(5, "fine")), None);
    assert_eq!(
        unread(BodyForm::Form, &form(6, "1%27+or+%271%27%3D%271")),
        Some(Objection::TooMuch)
    );
    // Nor does the end of one long field go unread.
    let long = format!("{}{attack}", fine.repeat(2));
    assert_eq!(
        unread(BodyForm::Json, &format!(r#"["{long}"]"#)),
        Some(Objection::TooMuch)
    );
    let secret = format!(r#"{{"password":"{long}","z":"fine"}}"#);
    assert_eq!(
        unread(BodyForm::Json, &secret),
        None,
        "secrets are not read at all"
    );
}

#[test]
fn what_stands_behind_json_that_cannot_be_read_is_refused() {
    let attack = "1' or '1'='1";
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for junk in [deep.as_str(), r#""\ud800""#, "1e999"] {
        let text = format!(r#"{{"junk":{junk},"name":"{attack}"}}"#);
        assert_eq!(
            unread(BodyForm::Json, &text),
            Some(Objection::Unreadable),
            "{junk}"
        );
    }
    assert_eq!(unread(BodyForm::Json, r#"{"a":[[[1,null,true]]]}"#), None);
}
