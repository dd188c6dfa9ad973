//! The pages of second factors: proving one, enrolling one, and the recovery codes that are shown once.

use askama::Template;
use qrcode::{Color, QrCode};
use watchroom_kit::{ExposeSecret, SecretString};

use super::passkey::PasskeyForm;
use super::{Faults, Field, Flash, Sheet, Theme};
use crate::text::{EN, Text};

/// Light modules around a QR code, which readers need (ISO/IEC 18004).
const QUIET: usize = 4;

/// The page that asks for a code.
#[derive(Debug, Template)]
#[template(path = "pages/mfa.html")]
pub(crate) struct MfaPage {
    sheet: Sheet,
    t: &'static Text,
    csrf: String,
    flash: Option<Flash>,
    code: Field,
    next: String,
    /// None where the person has no passkey.
    passkey: Option<PasskeyForm>,
}

impl MfaPage {
    /// An empty form; a code that was wrong is not shown again.
    pub(crate) fn new(
        theme: Theme,
        csrf: String,
        next: String,
        (flash, passkey): (Option<Flash>, Option<PasskeyForm>),
    ) -> Self {
        Self {
            sheet: Sheet::new(EN.mfa_title, theme),
            t: &EN,
            csrf,
            flash,
            code: Field::code("code", EN.mfa_code).focus(),
            next,
            passkey,
        }
    }
}

/// A QR code as squares: how many to a side, and where the dark ones are, as the path of an SVG.
#[derive(Debug)]
pub(crate) struct Picture {
    side: usize,
    path: String,
}

impl Picture {
    /// The picture of a text; `None` if that is too long for one.
    pub(crate) fn of(text: &SecretString) -> Option<Self> {
        let code = QrCode::new(text.expose_secret()).ok()?;
        let width = code.width();
        let dark = code
            .to_colors()
            .into_iter()
            .enumerate()
            .filter(|(_, color)| *color == Color::Dark);
        let squares = dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET));
        Some(Self {
            side: width + 2 * QUIET,
            path: squares.collect(),
        })
    }
}

/// The page that offers a secret to a device.
#[derive(Debug, Template)]
#[template(path = "pages/mfa_setup.html")]
pub(crate) struct MfaSetupPage {
    sheet: Sheet,
    t: &'static Text,
    csrf: String,
    is_required: bool,
    /// None where the text is too long for one; then it is typed.
    picture: Option<Picture>,
    secret: String,
    offer: String,
    next: String,
    code: Field,
    name: Field,
    beside: Vec<String>,
    passkey: PasskeyForm,
}

/// What is offered, as the page shows it.
#[derive(Debug)]
pub(crate) struct Offered {
    /// As a picture.
    pub(crate) picture: Option<Picture>,
    /// As text.
    pub(crate) secret: SecretString,
    /// What the form sends back.
    pub(crate) offer: SecretString,
}

impl MfaSetupPage {
    /// The form with what was typed and what is wrong with it.
    pub(crate) fn new(
        theme: Theme,
        csrf: String,
        (is_required, next): (bool, String),
        (offered, passkey): (Offered, PasskeyForm),
        (name, faults): (&str, &Faults),
    ) -> Self {
        Self {
            sheet: Sheet::new(EN.enrol_title, theme),
            t: &EN,
            csrf,
            is_required,
            picture: offered.picture,
            secret: in_fours(offered.secret.expose_secret()),
            offer: offered.offer.expose_secret().to_owned(),
            next,
            code: Field::code("code", EN.enrol_code)
                .hint(EN.enrol_code_hint)
                .wrong(faults),
            name: Field::text("name", EN.enrol_name)
                .value(if name.is_empty() {
                    EN.enrol_name_usual
                } else {
                    name
                })
                .required()
                .wrong(faults),
            beside: faults.beside(&["code", "name", "passkey"]),
            passkey: passkey.wrong(faults),
        }
    }
}

/// The page with recovery codes: the only time they are known.
#[derive(Debug, Template)]
#[template(path = "pages/recovery_codes.html")]
pub(crate) struct RecoveryCodesPage {
    sheet: Sheet,
    t: &'static Text,
    codes: Vec<String>,
    /// The codes as a file, in the form of an address.
    file: String,
    next: String,
}

impl RecoveryCodesPage {
    /// These codes, and where to go on.
    pub(crate) fn new(theme: Theme, codes: &[SecretString], next: &str) -> Self {
        let codes: Vec<String> = codes.iter().map(|code| code.expose_secret().to_owned()).collect();
        Self {
            sheet: Sheet::new(EN.codes_title, theme),
            t: &EN,
            file: codes.join("%0A") + "%0A",
            codes,
            next: next.to_owned(),
        }
    }
}

/// As people read long texts: in groups of four.
fn in_fours(text: &str) -> String {
    let groups: Vec<String> = text
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_light_edge_and_its_three_corners() {
        let picture = Picture::of(&"otpauth://totp/Watchroom:vera?secret=GEZDGNBVGY3TQOJQ".into()).unwrap();
        assert!(picture.path.starts_with("M4 4h1v1h-1z"));
        let last = picture.side - QUIET - 1;
        assert!(
            picture.path.contains(&format!("M{last} 4h1")) && picture.path.contains(&format!("M4 {last}h1"))
        );
        assert!(!picture.path.contains("M0 ") && !picture.path.contains(&format!("M{} ", picture.side - 1)));
    }

    #[test]
    fn no_page_of_second_factors_has_an_inline_script_or_style() {
        let offered = Offered {
            picture: Picture::of(&"x".into()),
            secret: "ABCDEFGH".into(),
            offer: "sealed".into(),
        };
        let pages = [
            MfaPage::new(
                Theme::Dark,
                "t".into(),
                "/".into(),
                (None, Some(PasskeyForm::second("t".into(), "/"))),
            )
            .render()
            .unwrap(),
            MfaSetupPage::new(
                Theme::Dark,
                "t".into(),
                (true, "/".into()),
                (offered, PasskeyForm::enrol("t".into(), "/")),
                ("", &Faults::default()),
            )
            .render()
            .unwrap(),
            RecoveryCodesPage::new(Theme::Dark, &["abcd-efgh".into()], "/")
                .render()
                .unwrap(),
        ];
        for html in &pages {
            assert!(!html.contains("style=") && !html.contains("<style") && !html.contains("onclick"));
        }
        assert!(pages[1].contains("<code>ABCD EFGH</code>") && pages[1].contains("value=\"sealed\""));
        assert!(pages[2].contains("data:text/plain;charset=utf-8,abcd-efgh%0A"));
    }
}
