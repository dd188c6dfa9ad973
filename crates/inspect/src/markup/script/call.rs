//! Calls of the functions that an attack ends in, in all the ways in which script can call one.

use super::GLOBALS;
use crate::text::{Words, each_word, from, is_blank, is_name, skip_blank, starts_with};

/// Functions that an attack ends in.
const SINKS: Words = Words::new(&[
    b"alert",
    b"confirm",
    b"prompt",
    b"eval",
    b"fetch",
    b"function",
    b"settimeout",
    b"setinterval",
    b"msgbox",
    b"execscript",
    b"importscripts",
    b"geturl",
    b"print",
    b"write",
    b"import",
    b"open",
]);

/// Of these, the ones whose bare call is proof.
const PROOFS: &[&[u8]] = &[b"alert", b"confirm", b"prompt", b"eval", b"msgbox"];

/// What runs a text.
const RUNNERS: &[&[u8]] = &[
    b"settimeout",
    b"setinterval",
    b"function",
    b"constructor",
    b"execscript",
];

/// How long what is around or within a call that proves a point may be, to be nothing but that.
const SHORT: usize = 40;

/// How far behind it a new name of a function is called.
const NEAR: usize = 200;

/// How often such functions are called or spoken of.
#[derive(Default)]
pub(super) struct Sinks {
    /// Calls that are proof.
    pub(super) proofs: usize,
    /// Of these, the ones that nobody makes but to prove a point.
    pub(super) bare_proofs: usize,
    /// Calls that are not.
    pub(super) calls: usize,
    /// Names that are handed on.
    pub(super) mentions: usize,
}

pub(super) fn sinks(text: &[u8]) -> Sinks {
    let mut found = Sinks::default();
    let is_literal_template = text.contains(&b'`');
    for (at, sink) in SINKS.apart(text) {
        let is_proof = PROOFS.contains(&sink);
        let Some(before) = without_global(text.get(..at).unwrap_or_default(), is_proof) else {
            continue;
        };
        let rest = from(text, at + sink.len());
        let is_bare = is_alone(before, rest)
            || is_handed_on(before, rest)
            || is_renamed(before, rest)
            || is_run(before) && is_called(rest)
            || is_evaluated_call(before, sink, rest);
        match rest {
            _ if is_proof && (is_bare || is_called(rest)) => {
                found.proofs += 1;
                found.bare_proofs += usize::from(is_bare);
            }
            [b'(' | b'`', ..] => found.calls += 1,
            [b'\'' | b'"', ..] if is_proof => found.mentions += 1,
            _ if !is_proof => {}
            _ => match skip_blank(rest) {
                [b',' | b')' | b';' | b']', ..] => found.mentions += 1,
                // `{toString:alert}` and what stands in backticks, but not the `${prompt}` of a shell
                [b'}', ..] if is_literal_template || before.ends_with(b":") => found.mentions += 1,
                _ => {}
            },
        }
    }
    found
}

/// What stands before a function, and before the window that it may be called of; none if it is the method of
/// something else, or part of another name.
fn without_global(mut before: &[u8], is_proof: bool) -> Option<&[u8]> {
    // `self.top.alert`
    for _ in 0..4 {
        match before {
            [.., left, b'-'] if is_name(*left) && !left.is_ascii_digit() => return None,
            [.., b'$'] => return None,
            [owner @ .., b'.'] if is_proof => {
                let owner = without_index(owner.strip_suffix(b"?").unwrap_or(owner));
                let length = owner.iter().rev().take_while(|byte| is_name(**byte)).count();
                let (left, owner) = owner.split_at_checked(owner.len() - length)?;
                if !GLOBALS.at_start(owner).any(|global| global.len() == length) {
                    return None;
                }
                before = left;
            }
            [.., b'.'] => return None,
            _ => return Some(before),
        }
    }
    None
}

/// `frames` of `frames[0]`.
fn without_index(owner: &[u8]) -> &[u8] {
    let Some(inner) = owner.strip_suffix(b"]") else {
        return owner;
    };
    let index = inner
        .iter()
        .rev()
        .take(SHORT)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    inner
        .get(..inner.len() - index)
        .and_then(|left| left.strip_suffix(b"["))
        .unwrap_or(owner)
}

/// The bracket or backtick that calls a function, and all behind it: at once, `alert?.(`, `(alert)(`, `alert.call(`.
fn bracket(rest: &[u8]) -> Option<&[u8]> {
    let rest = skip_blank(rest);
    let rest = rest.strip_prefix(b")").unwrap_or(rest);
    let rest = rest.strip_prefix(b"?.").unwrap_or(rest);
    let rest = [&b".call"[..], b".apply", b".bind"]
        .iter()
        .find_map(|method| rest.strip_prefix(*method))
        .unwrap_or(rest);
    matches!(rest.first(), Some(b'(' | b'`')).then_some(rest)
}

fn is_called(rest: &[u8]) -> bool {
    bracket(rest).is_some() || starts_with(skip_blank(rest), b"%28")
}

/// In a text that is run as a program: `setTimeout('alert(1)')`, `[]['constructor']['constructor']('alert(1)')()`.
fn is_run(before: &[u8]) -> bool {
    let [caller @ .., b'\'' | b'"' | b'`'] = before else {
        return false;
    };
    let caller = caller.strip_suffix(b"(").unwrap_or(caller);
    let name = name_at_end(caller);
    let is_runner = RUNNERS
        .iter()
        .any(|runner| from(caller, caller.len() - name).eq_ignore_ascii_case(runner));
    is_runner || caller.ends_with(b"']") || caller.ends_with(b"\"]")
}

/// The bytes of the name with which a text ends, as far as it may be short.
fn name_at_end(text: &[u8]) -> usize {
    let near = text.iter().rev().take(SHORT);
    near.take_while(|byte| is_name(**byte)).count()
}

/// Given to what calls it: `[1].find(alert)`, `Reflect.apply(alert, ..`, `setTimeout(alert, ..`.
fn is_handed_on(before: &[u8], rest: &[u8]) -> bool {
    let Some(caller) = before.strip_suffix(b"(") else {
        return false;
    };
    let name = name_at_end(caller);
    let (owner, name) = caller.split_at_checked(caller.len() - name).unwrap_or_default();
    let is_caller = [&b"apply"[..], b"settimeout", b"setinterval", b"then"]
        .iter()
        .any(|caller| name.eq_ignore_ascii_case(caller));
    matches!(rest, [b',' | b')', ..]) && (is_caller || owner.ends_with(b"]."))
}

/// Called by another name: `a=alert,a(1)`, `(a=alert)(1)`.
fn is_renamed(before: &[u8], rest: &[u8]) -> bool {
    let Some(left) = before.strip_suffix(b"=") else {
        return false;
    };
    let length = name_at_end(left);
    let name = from(left, left.len() - length);
    let is_called_so = || {
        let near = rest.get(..rest.len().min(NEAR)).unwrap_or_default();
        each_word(near, name).any(|at| matches!(from(near, at + name.len()).first(), Some(b'(' | b'`')))
    };
    // What signs call, and what errors do: `toString=alert;''+window`, `onerror=alert;throw 1`.
    let is_hook = [&b"tostring"[..], b"valueof", b"onerror"]
        .iter()
        .any(|hook| name.eq_ignore_ascii_case(hook));
    length > 0 && (is_hook || rest.starts_with(b")(") || is_called_so())
}

/// Whether a call is all that there is, but for numbers and signs around it: `alert(1)`, `};alert(1);{`.
fn is_alone(before: &[u8], rest: &[u8]) -> bool {
    let is_sign = |byte: &u8| byte.is_ascii_digit() || !is_name(*byte) && !matches!(byte, b'<' | b'>');
    let (Some(bracket), true) = (bracket(rest), before.len() <= SHORT && before.iter().all(is_sign)) else {
        return false;
    };
    let close = if bracket.starts_with(b"(") { b')' } else { b'`' };
    let inner = from(bracket, 1);
    let Some(end) = inner.iter().take(SHORT).position(|byte| *byte == close) else {
        return false;
    };
    let (argument, behind) = inner.split_at_checked(end).unwrap_or_default();
    is_literal(argument) && behind.len() <= SHORT && behind.iter().all(is_sign)
}

/// A number, a text, or something of the page; with spaces it is a sentence for people.
fn is_literal(argument: &[u8]) -> bool {
    let begins = matches!(
        argument.first(),
        Some(b'\'' | b'"' | b'`' | b'/' | b'[' | b'0'..=b'9')
    );
    !argument.iter().any(|byte| is_blank(*byte))
        && (begins || starts_with(argument, b"document.") || starts_with(argument, b"null"))
}

/// `eval(atob(..`: a program that another call makes.
fn is_evaluated_call(before: &[u8], sink: &[u8], rest: &[u8]) -> bool {
    let name = rest
        .iter()
        .skip(1)
        .take(SHORT)
        .take_while(|byte| is_name(**byte) || **byte == b'.')
        .count();
    before.is_empty()
        && sink == b"eval"
        && name > 0
        && rest.starts_with(b"(")
        && rest.get(name + 1) == Some(&b'(')
}
