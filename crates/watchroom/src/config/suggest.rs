//! "Did you mean": the known key nearest to a wrong one.

use serde_json::Value;

use super::leaf::leaves;

/// What to say about a key nobody knows: the nearest sibling, or the same name in another place.
pub(super) fn unknown_key(defaults: &Value, siblings: &Value, path: &[String]) -> String {
    let Some(wrong) = path.last() else {
        return "unknown key".to_owned();
    };
    let names = siblings
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str());
    let parent = path
        .split_last()
        .map_or(String::new(), |(_, parent)| parent.join("."));
    let near = nearest(wrong, names).map(|name| {
        if parent.is_empty() {
            name.to_owned()
        } else {
            format!("{parent}.{name}")
        }
    });
    let elsewhere = || {
        let all = leaves(defaults);
        all.into_iter()
            .map(|(key, _)| key)
            .find(|key| key.rsplit('.').next() == Some(wrong.as_str()))
    };
    match near.or_else(elsewhere) {
        Some(key) => format!("unknown key; did you mean {key}?"),
        None => "unknown key; `watchroom config show` lists all there are".to_owned(),
    }
}

fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    // A third of the letters may be wrong: more would suggest words that have nothing to do with it.
    let tolerated = (wrong.len() / 3).max(1);
    let distance = |name: &str| {
        // Without its unit, or with one too many, a key is still recognised.
        let is_part = wrong.len() >= 3 && (name.starts_with(&wrong) || wrong.starts_with(name));
        if is_part {
            1
        } else {
            strsim::damerau_levenshtein(&wrong, name)
        }
    };
    names
        .map(|name| (distance(name), name))
        .filter(|(far, _)| *far <= tolerated)
        .min()
        .map(|(_, name)| name)
}
