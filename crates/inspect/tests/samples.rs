//! Measures the inspector against samples of our own: what is found, and who is bothered.

use watchroom_inspect::{Class, inspect};

/// One text a line; what stands before the first tab is not part of it, but says where it is from.
fn texts(sample: &str) -> impl Iterator<Item = &str> {
    sample.lines().filter(|line| !line.is_empty())
}

/// What was not taken for an attack.
fn missed(sample: &'static str) -> (usize, Vec<&'static str>) {
    let all = texts(sample).count();
    (
        all,
        texts(sample)
            .filter(|text| inspect(text.as_bytes()).is_none())
            .collect(),
    )
}

#[test]
fn attacks_of_every_family_are_found() {
    // The shares that must be found, in 1,000; what lies between them and all is listed by a failure.
    for (sample, least) in [
        (include_str!("samples/sqli.txt"), 980),
        (include_str!("samples/xss.txt"), 995),
        (include_str!("samples/traversal.txt"), 980),
    ] {
        let (all, missed) = missed(sample);
        let found = (all - missed.len()) * 1000 / all;
        assert!(found >= least, "{found} of 1,000 found; missed: {missed:#?}");
    }
}

#[test]
fn honest_texts_are_left_alone() {
    let refused: Vec<_> = texts(include_str!("samples/honest.txt"))
        .filter_map(|text| inspect(text.as_bytes()).map(|finding| format!("{} {text}", finding.rule)))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn a_person_called_o_brien_is_not_an_attacker() {
    for text in [
        "O'Brien",
        "Conan O'Brien",
        "select one or more from the list -- thanks",
        "L'Anse, MI -- rack 4",
    ] {
        assert_eq!(inspect(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn the_class_is_the_attack_s() {
    for (text, class) in [
        ("' union select password from users --", Class::Sqli),
        ("<svg/onload=alert(1)>", Class::Xss),
        ("....//....//etc/hosts", Class::Traversal),
    ] {
        assert_eq!(
            inspect(text.as_bytes()).map(|finding| finding.class()),
            Some(class),
            "{text}"
        );
    }
}

#[test]
fn every_rule_is_documented() {
    let page = include_str!("../../../docs/inspection.md");
    let missing: Vec<_> = watchroom_inspect::Rule::ALL
        .iter()
        .filter(|rule| !page.contains(&format!("| `{rule}` | {} |", rule.words())))
        .map(|rule| format!("| `{rule}` | {} |", rule.words()))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/inspection.md lacks:\n{}",
        missing.join("\n")
    );
}
