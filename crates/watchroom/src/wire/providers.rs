//! identity's providers are asked by oidc, as the configuration says.

use std::fs;

use async_trait::async_trait;
use futures_util::future::join_all;
use time::OffsetDateTime;
use watchroom_identity::{
    Admission, CameBack, Journey, OidcRules, Outsider, Preset, Provider, ProviderFault, Providers, Way,
};
use watchroom_kit::{Clock, FaultKind, SecretString, Site};
use watchroom_oidc::{Algorithm, Kind, Known, OidcError, Roots, Settings};

use crate::failure::Failure;

/// One provider, and who comes in by it.
#[derive(Debug)]
struct One {
    provider: watchroom_oidc::Provider,
    preset: Preset,
    admission: Admission,
}

/// Those of the configuration.
#[derive(Debug)]
pub(crate) struct Configured {
    all: Vec<One>,
    ways: Vec<Way>,
}

impl Configured {
    /// Makes them; nobody is asked anything yet.
    ///
    /// # Errors
    /// If a file that is named cannot be read.
    pub(crate) fn of(rules: &[OidcRules], clock: &Clock) -> Result<Self, Failure> {
        let all = rules.iter().map(|rules| one(rules, clock));
        let way = |rules: &OidcRules| Way {
            name: rules.name.clone(),
            title: rules.title().to_owned(),
        };
        Ok(Self {
            all: all.collect::<Result<_, _>>()?,
            ways: rules.iter().map(way).collect(),
        })
    }

    fn named(&self, name: &str) -> Option<&One> {
        self.all.iter().find(|one| one.provider.name() == name)
    }

    fn expected(&self, name: &str) -> Result<&One, ProviderFault> {
        self.named(name).ok_or_else(|| ProviderFault {
            is_away: false,
            word: "unknown",
            cause: "there is no such provider".to_owned(),
        })
    }
}

fn one(rules: &OidcRules, clock: &Clock) -> Result<One, Failure> {
    let failed = |cause: String| {
        Failure::new(
            FaultKind::Invalid,
            format!("identity.oidc, {}: {cause}", rules.name),
        )
    };
    let roots = match &rules.ca_file {
        Some(file) => Roots::of_file(file),
        None => Roots::of_this_machine(),
    };
    let secret = |file: &std::path::PathBuf| {
        let text = fs::read_to_string(file);
        let text = text.map_err(|error| failed(format!("{} cannot be read: {error}", file.display())))?;
        match text.trim() {
            "" => Err(failed(format!("{} is empty", file.display()))),
            secret => Ok(SecretString::from(secret)),
        }
    };
    let settings = Settings {
        name: rules.name.clone(),
        kind: match rules.preset {
            Preset::Github => Kind::GitHub,
            Preset::None | Preset::Google | Preset::Microsoft => Kind::OpenId,
        },
        issuer: rules.issuer(),
        client_id: rules.client_id.clone(),
        client_secret: rules.client_secret_file.as_ref().map(secret).transpose()?,
        scopes: rules.scopes(),
        algorithms: rules
            .algorithms
            .iter()
            .filter_map(|name| Algorithm::named(name))
            .collect(),
    };
    let roots = roots.map_err(|error| failed(error.to_string()))?;
    Ok(One {
        provider: watchroom_oidc::Provider::new(settings, roots, clock.clone()),
        preset: rules.preset,
        admission: rules.admit.clone(),
    })
}

#[async_trait]
impl Providers for Configured {
    fn ways(&self) -> &[Way] {
        &self.ways
    }

    fn admission(&self, name: &str) -> Option<&Admission> {
        self.named(name).map(|one| &one.admission)
    }

    async fn begin(&self, name: &str, journey: &Journey, from: Site) -> Result<String, ProviderFault> {
        let begun = self.expected(name)?.provider.begin(&theirs(journey), from).await;
        begun.map_err(|error| fault(&error))
    }

    async fn finish(
        &self,
        name: &str,
        journey: &Journey,
        came: &CameBack,
        from: Site,
    ) -> Result<Outsider, ProviderFault> {
        let came = watchroom_oidc::CameBack {
            code: came.code.clone(),
            iss: came.iss.clone(),
            error: came.error.clone(),
        };
        let one = self.expected(name)?;
        let finished = one.provider.finish(&theirs(journey), &came, from).await;
        let known = finished.map_err(|error| fault(&error))?;
        Ok(outsider(name, vouched(one.preset, known)))
    }

    async fn examine(&self) -> Vec<(String, Result<(), ProviderFault>)> {
        let asked = self.all.iter().map(|one| async {
            let answers = one.provider.examine().await.map_err(|error| fault(&error));
            (one.provider.name().to_owned(), answers)
        });
        join_all(asked).await
    }
}

fn theirs(journey: &Journey) -> watchroom_oidc::Journey {
    watchroom_oidc::Journey {
        state: journey.state.clone(),
        nonce: journey.nonce.clone(),
        verifier: journey.verifier.clone(),
        redirect_uri: journey.redirect_uri.clone(),
    }
}

/// What of it the provider can vouch for. Google calls an address verified that somebody once read a letter at; only of its own
/// mail and of a domain that it keeps (`hd`) does it know who has it now.
fn vouched(preset: Preset, known: Known) -> Known {
    let is_kept = |email: &String| {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        let kept = known.claims.get("hd").into_iter().flatten();
        domain.eq_ignore_ascii_case("gmail.com")
            || kept.into_iter().any(|kept| kept.eq_ignore_ascii_case(domain))
    };
    if preset != Preset::Google || known.email.as_ref().is_none_or(is_kept) {
        return known;
    }
    let claims = known.claims.into_iter().filter(|(name, _)| name != "email");
    Known {
        email: None,
        claims: claims.collect(),
        ..known
    }
}

fn outsider(name: &str, known: Known) -> Outsider {
    Outsider {
        provider: Provider::oidc(name),
        realm: known.realm,
        subject: known.subject,
        user_name: known.user_name,
        display_name: known.display_name,
        email: known.email.and_then(|email| email.parse().ok()),
        proven_at: known
            .proven_at
            .and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()),
        claims: known.claims,
    }
}

fn fault(error: &OidcError) -> ProviderFault {
    use watchroom_kit::Fault;
    ProviderFault {
        is_away: error.kind() == FaultKind::Unavailable,
        word: error.word(),
        cause: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(email: &str, hd: Option<&str>) -> Known {
        let mut claims = std::collections::BTreeMap::from([("email".to_owned(), vec![email.to_owned()])]);
        claims.extend(hd.map(|hd| ("hd".to_owned(), vec![hd.to_owned()])));
        Known {
            realm: "https://accounts.google.com".into(),
            subject: "1".into(),
            user_name: None,
            display_name: None,
            email: Some(email.to_owned()),
            proven_at: None,
            claims,
        }
    }

    #[test]
    fn an_address_that_google_does_not_keep_is_nobodys_proof() {
        for (email, hd, stays) in [
            ("ann@example.org", Some("example.org"), true),
            ("ann@Example.org", Some("example.org"), true),
            ("ann@gmail.com", None, true),
            ("ann@example.org", None, false),
            ("ann@example.org", Some("elsewhere.example"), false),
            ("ann@gmail.com.evil.example", None, false),
        ] {
            let of_google = vouched(Preset::Google, known(email, hd));
            assert_eq!(of_google.email.is_some(), stays, "{email} {hd:?}");
            assert_eq!(of_google.claims.contains_key("email"), stays, "{email} {hd:?}");
            assert!(vouched(Preset::None, known(email, hd)).email.is_some());
        }
    }
}
