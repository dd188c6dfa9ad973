//! Stories of the edge: real listeners, real TLS, raw bytes on the wire.

#[cfg(test)]
mod barred;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod cors;
#[cfg(test)]
mod example;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod http2;
#[cfg(test)]
mod known;
#[cfg(test)]
mod order;
#[cfg(test)]
mod protocols;
#[cfg(test)]
mod rates;
#[cfg(test)]
mod room;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod smuggling;
#[cfg(feature = "redis")]
#[cfg(test)]
mod together;
#[cfg(test)]
mod upgrades;
