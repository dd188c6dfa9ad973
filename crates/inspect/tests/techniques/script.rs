//! Cross-site scripting.

use super::{left_alone, refused};
use watchroom_inspect::Class::Xss;

#[test]
fn a_call_by_backticks_between_quotes() {
    refused(
        Xss,
        &["'-alert`1`-'", "\"-confirm`1`-\"", "'-prompt`x`-'", "'-eval`x`-'"],
    );
    left_alone(&[
        "the `alert` sign",
        "`print` - what is shown",
        "a`b`c",
        "rock'n'roll - `live`",
    ]);
}

#[test]
fn a_call_of_what_the_page_has() {
    refused(
        Xss,
        &[
            "top.alert(1)",
            "';window.alert(1);'",
            "-parent.frames.confirm(1)-",
            "\"-globalThis.prompt(1)-\"",
            "self?.alert(1)",
        ],
    );
    left_alone(&[
        "window.open",
        "dialog.confirm('really')",
        "user.alert(1)",
        "self.prompt",
        "parent.children[0]",
        "toast-alert(x)",
    ]);
}

#[test]
fn a_call_in_other_words() {
    refused(
        Xss,
        &[
            "';alert.call(null,1);//",
            "\";alert.apply(null,[1]);//",
            "(alert)(1)",
            "[1].find(alert)",
            "['x'].map(alert)",
            "alert?.(1)",
            "Reflect.apply(alert,null,[1])",
            "setTimeout(alert,0,1)",
            "(a=alert)(1)",
            "a=alert,a(1)",
            "toString=alert;''+window",
            "eval(atob('x'))",
            "alert.call(0,1)",
            "frames[0].alert(1)",
            "onerror=alert;throw 1",
            "setTimeout('alert(1)')",
            "Function`alert(1)`",
            "[]['constructor']['constructor']('alert(1)')()",
            "Promise.resolve(1).then(alert)",
        ],
    );
    left_alone(&[
        "find(alert)",
        "run(prompt, model)",
        "ask(prompt=prompt, model=m)",
        "f(alert, 1)",
        "let confirm=prompt;",
        "eval(x)",
        "list.map(prompt)",
    ]);
}

#[test]
fn a_text_that_is_nothing_but_a_call() {
    refused(
        Xss,
        &[
            "alert(1)",
            ";alert(1);",
            "}alert(1);{",
            "1;alert(1)",
            "1-alert(1)",
            "0,prompt('x')",
            "1?alert(1):0",
            "al\\u0065rt(1)",
            "#{alert(1)}",
            "{{confirm(1)}}",
            "alert(document.domain)",
            "[][(![]+[])[+[]]+(![]+[])[!+[]]]",
        ],
    );
    left_alone(&[
        "confirm (please)",
        "alert()",
        "an alert(1) came",
        "prompt(\"What is your name?\")",
        "{{name}}",
        "#{prompt}",
        "${prompt}$ ",
        "[ ] done, [x] open",
        "alert (yellow)",
    ]);
}

#[test]
fn longer_names_and_documents_without_a_kind() {
    refused(
        Xss,
        &[
            "' onwebkitplaybacktargetavailabilitychanged='(alert)(1)",
            "data:;base64,PHNjcmlwdD4=",
            "data:x/y;base64,PCFET0NUWVBF",
            "<esi:include src=//x.example/>",
            "\"autof<x>ocus o<x>nfocus=aler<x>t(1)//",
        ],
    );
    left_alone(&[
        "data:image/png;base64,iVBORw0KGgo=",
        "data:;base64,QUJD",
        "<esp:name>",
        "Vec<u8>(3)",
        "on we go = fine",
    ]);
}

#[test]
fn quotes_in_pairs_are_the_text_s_own() {
    left_alone(&[
        "document.getElementById('x').value",
        "var e = document.createElement(\"div\");",
        "eval \"$cmp\" '\"$1\"' - >&3",
        "eval \"$grep -q\" || {",
        "e.innerHTML = \"I'm here!<br>\" + new Date();",
        "checkout this [tutorial](https://x.example/y) (if you can)",
        "test(\"XMLHttpRequest\" => \"xml_http_request\");",
    ]);
    refused(Xss, &["document['coo'+'kie']", "this['al'+'ert'](1)"]);
}

#[test]
fn names_between_angle_brackets() {
    left_alone(&[
        "Vec<Script>,",
        "Map::<Script>::new()",
        "change C<use_ok> to C<use integer>.",
        "compile(source, name=\"<input>\", mode=\"single\")",
        "see our <Link>site</Link>.",
        "The <script> tag goes at the end of <body>, they say.",
        "Never put <script> in a comment.",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "a = \"<!-- one -->\", b = \"<!-- two -->\\n\"",
    ]);
    refused(
        Xss,
        &[
            "<script>",
            "x<script>alert(1)</script>",
            "x<Script>alert(1)</Script>",
            "a <script> alert`1`",
            "x<base href=//x.example>",
            "\"<iframe>\"",
            "a<input onfocus=alert(1) autofocus>",
            "<!--<img src=\"--><img src=x onerror=alert(1)>",
            "<!-- x --><script>alert(1)</script>",
            "<?xml version=\"1.0\"?><!DOCTYPE x SYSTEM \"http://x.example/\">",
            "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY y \"z\">]>",
        ],
    );
}

#[test]
fn styles_as_all_of_the_text() {
    refused(
        Xss,
        &[
            "behavior:url(x.htc)",
            "-moz-binding:url(//x.example/x)",
            "a:b;behavior:url(#x)",
        ],
    );
    left_alone(&[
        "$class->Exporter::import(@imports);",
        "behavior: see (a) and (b)",
        "url(x.png)",
        "color:rgb(1,2,3)",
    ]);
}
