//! The files with secrets that the configuration names, which only somebody else can change.

use std::path::{Path, PathBuf};

use super::Config;

impl Config {
    /// Each with the setting that names it.
    pub(crate) fn secret_files(&self) -> Vec<(String, &Path)> {
        let (identity, mail) = (&self.identity, &self.mail);
        let alone = [
            ("store.password_file", &self.store.password_file),
            (
                "shield.limits.redis_password_file",
                &self.shield.limits.redis_password_file,
            ),
            ("mail.password_file", &mail.password_file),
            ("identity.jwt.key_file", &identity.jwt.key_file),
            ("keys.pin_file", &self.keys.pin_file),
        ];
        let alone = alone.map(|(setting, file)| (setting.to_owned(), file));
        let providers = identity.oidc.iter();
        let providers = providers.map(|one| {
            (
                format!("client_secret_file of {}", one.name),
                &one.client_secret_file,
            )
        });
        let directories = identity.ldap.iter();
        let directories = directories.map(|one| {
            (
                format!("bind_password_file of {}", one.name),
                &one.bind_password_file,
            )
        });
        let all = alone.into_iter().chain(providers).chain(directories);
        all.filter_map(|(setting, file): (_, &Option<PathBuf>)| Some((setting, file.as_deref()?)))
            .collect()
    }
}
