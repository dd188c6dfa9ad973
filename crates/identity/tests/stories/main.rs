//! Stories about who is who, told against a real store, each in a folder of its own.

#[cfg(test)]
mod directories;
#[cfg(test)]
mod enrolment;
#[cfg(test)]
mod factors;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod letters;
#[cfg(test)]
mod links;
#[cfg(test)]
mod lockouts;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod magic;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod passkey_refusals;
#[cfg(test)]
mod passkeys;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod resealed;
#[cfg(test)]
mod room;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod set_up;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod strict;
#[cfg(test)]
mod ties;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod users;
#[cfg(test)]
mod vouched;
#[cfg(test)]
mod whole_proofs;
