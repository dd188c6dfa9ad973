//! Stories of passkeys, with an authenticator in software.

#[cfg(test)]
mod ceremonies;
