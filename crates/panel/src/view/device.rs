//! What a browser says it is, in words: "Chrome on Linux". The header is untrusted and only ever shown.

use crate::text::EN;

/// Browsers and programs by the mark in their `User-Agent`; the first that fits, since many claim to be others too.
const PROGRAMS: [(&str, &str); 12] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
    ("watchroom/", "watchroom"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
];
/// Systems by their mark; the first that fits, since Android says Linux too.
const SYSTEMS: [(&str, &str); 8] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("FreeBSD", "FreeBSD"),
    ("Linux", "Linux"),
];
/// Most characters shown of a name that is not known.
const LONGEST: usize = 40;

/// The browser and its system as people call them; the beginning of what it said where neither is known.
pub(crate) fn device(user_agent: &str) -> String {
    let find = |table: &[(&str, &'static str)]| {
        let found = table.iter().find(|(mark, _)| user_agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    match (find(&PROGRAMS), find(&SYSTEMS)) {
        (Some(program), Some(system)) => EN.device_on(program, system),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) if user_agent.trim().is_empty() => EN.unknown_device.to_owned(),
        (None, None) => shortened(user_agent.trim()),
    }
}

fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(LONGEST).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn browsers_are_called_as_people_call_them() {
        let known = [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (Android 14; Mobile; rv:131.0) Gecko/131.0 Firefox/131.0",
                "Firefox on Android",
            ),
            ("curl/8.9.1", "curl"),
            ("", "unknown browser"),
            ("a robot of our own", "a robot of our own"),
        ];
        for (said, shown) in known {
            assert_eq!(device(said), shown, "{said}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_says_the_words_stay_short(said in any::<String>()) {
            let shown = device(&said);
            prop_assert!(!shown.is_empty() && shown.chars().count() <= LONGEST + 1);
        }
    }
}
