//! Turns `text/<language>.ftl` into a typed catalogue: a text that a template names and no file has does not compile.
//!
//! The files are Fluent in its simplest form: `key = text`, `{ $place }` inside, `#` for remarks. Plural
//! rules and terms are not used yet, so the catalogue is compiled and no Fluent engine is carried.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The language all others must be as complete as.
const FIRST: &str = "en";
/// Texts of which the page's scripts fill the places.
const FOR_SCRIPTS: &str = "js_";

type Catalogue = BTreeMap<String, String>;

/// Writes the catalogue's Rust source to `to`.
pub(crate) fn generate(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let mut languages = BTreeMap::new();
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "ftl") {
            let language = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            languages.insert(language, parse(&path)?);
        }
    }
    let first = languages.get(FIRST).ok_or("text/en.ftl is missing")?;
    for (language, catalogue) in &languages {
        same_keys(language, first, catalogue)?;
    }
    fs::write(to, source(first, &languages)?)?;
    Ok(())
}

fn parse(path: &Path) -> Result<Catalogue, Box<dyn Error>> {
    let mut catalogue = Catalogue::new();
    for (index, line) in fs::read_to_string(path)?.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |why: &str| format!("{}:{}: {why}", path.display(), index + 1);
        let (key, text) = line.split_once(" = ").ok_or_else(|| wrong("want `key = text`"))?;
        let is_key = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !key.chars().all(is_key) {
            return Err(wrong("a key has the characters a-z 0-9 -").into());
        }
        if catalogue
            .insert(key.replace('-', "_"), text.trim().to_owned())
            .is_some()
        {
            return Err(wrong("this key stands twice").into());
        }
    }
    Ok(catalogue)
}

fn same_keys(language: &str, first: &Catalogue, other: &Catalogue) -> Result<(), Box<dyn Error>> {
    let mut lacking = first
        .keys()
        .filter(|key| !other.contains_key(*key))
        .cloned()
        .collect::<Vec<_>>();
    lacking.extend(
        other
            .keys()
            .filter(|key| !first.contains_key(*key))
            .map(|key| format!("{key} (unknown)")),
    );
    let differing = first
        .iter()
        .filter(|(key, text)| other.get(*key).is_some_and(|told| places(told) != places(text)));
    lacking.extend(differing.map(|(key, _)| format!("{key} (other places)")));
    if lacking.is_empty() {
        Ok(())
    } else {
        Err(format!("text/{language}.ftl: {}", lacking.join(", ")).into())
    }
}

/// The names of the places in a text, in the order of the alphabet.
fn places(text: &str) -> Vec<&str> {
    let mut names: Vec<_> = text
        .split("{ $")
        .skip(1)
        .filter_map(|rest| rest.split_once(" }"))
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn source(first: &Catalogue, languages: &BTreeMap<String, Catalogue>) -> Result<String, Box<dyn Error>> {
    let mut out = String::from(
        "/// Every text of the panel in one language.\n#[derive(Debug)]\npub(crate) struct Text {\n",
    );
    for (key, text) in first {
        writeln!(
            out,
            "    /// {}\n    pub(crate) {key}: &'static str,",
            text.replace('[', "\\[").replace('<', "\\<")
        )?;
    }
    out.push_str("}\n\nimpl Text {\n");
    for (key, text) in first
        .iter()
        .filter(|(key, text)| !key.starts_with(FOR_SCRIPTS) && !places(text).is_empty())
    {
        let names = places(text);
        let parameters: String = names
            .iter()
            .map(|name| format!(", {name}: impl Display"))
            .collect();
        let fills: String = names
            .iter()
            .map(|name| format!("(\"{name}\", &{name} as &dyn Display), "))
            .collect();
        writeln!(out, "    /// The text of that name with its places filled.")?;
        writeln!(
            out,
            "    pub(crate) fn {key}(&self{parameters}) -> String {{ fill(self.{key}, &[{fills}]) }}"
        )?;
    }
    out.push_str("}\n");
    for (language, catalogue) in languages {
        writeln!(
            out,
            "\n/// The panel's text, `{language}`.\npub(crate) static {}: Text = Text {{",
            language.to_uppercase()
        )?;
        for (key, text) in catalogue {
            writeln!(out, "    {key}: {text:?},")?;
        }
        out.push_str("};\n");
    }
    Ok(out)
}
