//! Style sheets, scripts and pictures: embedded in the binary, compressed at build, cached for a year.
//!
//! All are served below one folder named by a hash over all of them (`/assets/<hash>/js/main.js`): a
//! changed file changes every address, and scripts import one another by plain relative names, which an
//! import map would need an inline script for.

use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use rust_embed::RustEmbed;
use watchroom_web::Params;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/assets"]
struct Files;

/// The hash over all assets of this build.
const HASH: &str = env!("WATCHROOM_ASSETS_HASH");
/// The folder's name never means anything else.
const A_YEAR: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// A page of another build asked: it gets what we have, but must ask again.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// The address of an asset.
pub(crate) fn url(name: &str) -> String {
    format!("/assets/{HASH}/{name}")
}

/// The address of the morphing library, if this build carries it.
pub(crate) fn morph_url() -> Option<String> {
    let name = "vendor/idiomorph.js";
    Files::get(name).map(|_| url(name))
}

/// `GET /assets/{hash}/{*name}`.
pub(crate) async fn serve(
    Params((hash, name)): Params<(String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    found(&hash, &name, &headers).unwrap_or_else(|| {
        let mut missing = Response::new(Body::from("there is no such file\n"));
        *missing.status_mut() = StatusCode::NOT_FOUND;
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        missing.headers_mut().insert(CONTENT_TYPE, kind);
        missing
    })
}

fn found(hash: &str, name: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    let kind = kind_of(name)?;
    let takes_gzip = headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(takes_gzip);
    let file = Files::get(&if takes_gzip {
        format!("{name}.gz")
    } else {
        name.to_owned()
    })?;
    let bytes = match file.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CACHE_CONTROL, if hash == HASH { A_YEAR } else { ASK_AGAIN });
    if takes_gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Some(response)
}

fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip")
            && !matches!(weight.replace(' ', "").as_str(), "q=0" | "q=0.0")
    })
}

/// The media type by the name's end; a name without a known one is not an asset.
fn kind_of(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml; charset=utf-8"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(hash: &str, name: &str, encoding: &'static str) -> Option<Response<Body>> {
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(encoding))]);
        found(hash, name, &headers)
    }

    #[test]
    fn an_asset_of_this_build_is_kept_for_a_year_and_one_of_another_build_is_not() {
        let ours = asked(HASH, "panel.css", "gzip, br").unwrap();
        assert_eq!(ours.headers()[CONTENT_ENCODING], "gzip");
        assert!(
            ours.headers()[CACHE_CONTROL]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        let theirs = asked("0000", "panel.css", "identity").unwrap();
        assert!(theirs.headers().get(CONTENT_ENCODING).is_none());
        assert_eq!(theirs.headers()[CACHE_CONTROL], "no-cache");
    }

    #[test]
    fn what_is_not_an_asset_is_not_served() {
        for name in ["panel.css.gz", "../panel.css", "js/../../x.js", "js", ""] {
            assert!(asked(HASH, name, "gzip").is_none(), "{name}");
        }
        assert!(!takes_gzip("gzip; q=0"));
    }

    #[test]
    fn the_first_page_stays_under_its_budget() {
        let compressed: usize = Files::iter()
            .filter(|name| name.ends_with(".gz"))
            .map(|name| Files::get(&name).unwrap().data.len())
            .sum();
        assert!(
            compressed < 80_000,
            "{compressed} bytes of assets leave no room for a page within 100 KB"
        );
    }

    #[test]
    fn every_script_of_ours_is_a_module_and_asks_no_global_by_name() {
        let names: Vec<_> = Files::iter()
            .filter(|name| name.starts_with("js/") && name.ends_with(".js"))
            .collect();
        assert!(!names.is_empty());
        for name in names {
            let source = String::from_utf8(Files::get(&name).unwrap().data.into_owned()).unwrap();
            let is_module = source.contains("import ") || source.contains("export ");
            assert!(is_module, "{name} is no module");
            // An element with a name could stand in the place of a global, a form's field in that of its member; a name
            // from outside could be one that objects have.
            for banned in [
                "window[",
                "globalThis",
                "document.forms",
                "document.all",
                "__proto__",
                "Object.assign(",
                "localStorage",
                "sessionStorage",
                "indexedDB",
                "document.cookie",
                "serviceWorker",
                "addEventListener(\"message\"",
            ] {
                assert!(!source.contains(banned), "{name} contains {banned}");
            }
        }
    }

    #[test]
    fn no_script_of_ours_makes_markup_from_text_or_code_from_strings() {
        for name in Files::iter().filter(|name| name.starts_with("js/") && name.ends_with(".js")) {
            let source = String::from_utf8(Files::get(&name).unwrap().data.into_owned()).unwrap();
            for banned in [
                "innerHTML",
                "outerHTML =",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                ".style.",
            ] {
                assert!(!source.contains(banned), "{name} contains {banned}");
            }
        }
    }
}
