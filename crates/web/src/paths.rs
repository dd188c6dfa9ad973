//! What stands at a path for a method: the lookup behind the classifier and the dispatcher.

use http::Method;
use matchit::{Match, Params};

/// Two routes that cannot be told apart.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the route {path} clashes with another: {why}")]
pub struct RouteClash {
    path: &'static str,
    why: String,
}

/// Values by path and method.
#[derive(Clone)]
pub(crate) struct Paths<V>(matchit::Router<Vec<(Method, V)>>);

/// What a lookup found.
pub(crate) enum Found<'v, 'p, V> {
    /// The value, and the path's parameters.
    Value(&'v V, Params<'v, 'p>),
    /// The path is there, but only for other methods.
    OtherMethods(&'v [(Method, V)]),
    /// No such path.
    Nothing,
}

impl<V> Paths<V> {
    /// # Errors
    /// [`RouteClash`] if a path with a method is there twice, or paths cannot be told apart.
    pub(crate) fn new(rows: impl IntoIterator<Item = (&'static str, Method, V)>) -> Result<Self, RouteClash> {
        let mut paths: Vec<(&'static str, Vec<(Method, V)>)> = Vec::new();
        for (path, method, value) in rows {
            match paths.iter_mut().find(|(known, _)| *known == path) {
                Some((_, methods)) if methods.iter().any(|(known, _)| *known == method) => {
                    let why = format!("{method} is there twice");
                    return Err(RouteClash { path, why });
                }
                Some((_, methods)) => methods.push((method, value)),
                None => paths.push((path, vec![(method, value)])),
            }
        }
        let mut router = matchit::Router::new();
        for (path, methods) in paths {
            router.insert(path, methods).map_err(|error| RouteClash {
                path,
                why: error.to_string(),
            })?;
        }
        Ok(Self(router))
    }

    /// HEAD is answered by what answers GET (RFC 9110, 9.3.2).
    pub(crate) fn find<'v, 'p>(&'v self, method: &Method, path: &'p str) -> Found<'v, 'p, V> {
        let asked = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        match self.0.at(path) {
            Err(_) => Found::Nothing,
            Ok(Match {
                value: methods,
                params,
            }) => methods
                .iter()
                .find(|(known, _)| known == asked)
                .map_or(Found::OtherMethods(methods), |(_, value)| {
                    Found::Value(value, params)
                }),
        }
    }
}
