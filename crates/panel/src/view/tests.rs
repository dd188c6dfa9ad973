//! Stories about whole pages: what hostile text does (nothing), what a person may not do (is not offered),
//! and a look at all of them in a browser.

mod joining;
mod sample;

use askama::Template;
use watchroom_kit::FieldFault;

use self::sample::*;
use super::Faults;
use super::server::May;
use crate::text::EN;

#[test]
fn hostile_text_shows_harmlessly_on_every_page() {
    for (name, page) in pages() {
        assert!(!page.contains("<script>") && !page.contains("<img"), "{name}");
    }
}

#[test]
fn no_page_has_an_inline_script_style_or_handler() {
    for (name, page) in pages() {
        let scripts = page.matches("<script").count();
        assert_eq!(
            scripts,
            page.matches("<script type=\"module\" src=\"/assets/").count(),
            "{name}"
        );
        for banned in [" style=", "<style", " onclick", " onsubmit", "javascript:"] {
            assert!(!page.contains(banned), "{name} has {banned}");
        }
    }
}

#[test]
fn every_page_lets_one_sign_out() {
    for (name, page) in pages() {
        let is_entrance = page.contains("<body class=\"sheet\">");
        let ways_out = page.matches("action=\"/logout\"").count();
        assert_eq!(ways_out, usize::from(!is_entrance), "{name}");
    }
}

#[test]
fn every_form_that_changes_something_carries_the_token() {
    for (name, page) in pages() {
        for form in page
            .split("<form ")
            .skip(1)
            .filter(|form| form.starts_with("method=\"post\""))
        {
            let form = form.split("</form>").next().unwrap();
            assert!(form.contains("name=\"csrf_token\""), "{name}: {form}");
        }
    }
}

#[test]
fn every_page_has_one_heading_one_main_and_unique_ids() {
    for (name, page) in pages() {
        assert_eq!(page.matches("<h1").count(), 1, "{name}");
        assert_eq!(page.matches("<main").count(), 1, "{name}");
        let mut ids: Vec<_> = page
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}: {ids:?}");
        for label in page
            .split("<label ")
            .skip(1)
            .filter_map(|rest| rest.strip_prefix("for=\"")?.split('"').next())
        {
            assert!(ids.contains(&label), "{name}: no field {label}");
        }
    }
}

#[test]
fn a_viewer_is_offered_no_act() {
    let (_, servers) = fleet();
    let list = servers_page(servers, false).render().unwrap();
    let one = server_page(May::default(), &Faults::default()).render().unwrap();
    for page in [list, one] {
        let acts = page.matches("method=\"post\"").count();
        assert_eq!(
            acts,
            page.matches("method=\"post\" action=\"/logout\"").count(),
            "{page}"
        );
    }
}

#[test]
fn removing_shows_what_it_does_and_asks_for_name_and_password() {
    let faults = Faults::new(vec![FieldFault::new(
        "confirm_name",
        "differs",
        EN.remove_name_differs,
    )]);
    let page = server_page(ALL, &faults).render().unwrap();
    let form = page.split("id=\"remove\"").nth(1).unwrap();
    assert!(form.starts_with(" open>"), "a refused form stays open");
    assert!(form.contains("Stops minecraft-survival, which is running now."));
    assert!(form.contains("value=\"minecraft\"") && form.contains("this is not the server&#39;s name"));
    assert!(form.contains("name=\"password\" type=\"password\" autocomplete=\"current-password\" required"));
}

#[test]
fn old_news_are_marked_with_their_age() {
    let (nodes, servers) = fleet();
    let page = servers_page(servers, true).render().unwrap();
    assert!(page.contains("7 min ago</time>"), "{page}");
    let page = overview(Some(&nodes), None).render().unwrap();
    assert!(page.contains("6 min ago</time>") && !page.contains("servers-glance"));
}

#[test]
fn an_empty_room_leads_on() {
    let page = overview(Some(&[]), Some(&[])).render().unwrap();
    assert!(page.contains("href=\"/servers/new\"") && page.contains(EN.servers_none_lead));
}

#[test]
fn a_page_stays_small() {
    for (name, page) in pages() {
        assert!(page.len() < 40_000, "{name}: {} bytes", page.len());
    }
}
