//! The route table: one list from which router, OpenAPI document, classifier and access walk are made.

use std::fmt;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};
use watchroom_policy::{Act, ActSpec};
use watchroom_shield::{Classify, RouteClass, RouteRule};

/// A schema under its name.
pub(crate) type NamedSchema = (String, RefOr<Schema>);

/// One route: everything that is known of it before a request comes.
pub struct Route<S> {
    /// The method.
    pub method: Method,
    /// The path, with `{parameters}`.
    pub path: &'static str,
    /// What it lets people do.
    pub act: ActSpec,
    /// How the shield treats it.
    pub class: RouteClass,
    /// Most bytes of a body, if other than usual for its class.
    pub body_limit: Option<usize>,
    /// Fields that hold free text, which inspection only reports.
    pub free_text: &'static [&'static str],
    /// One line for the API's description.
    pub summary: &'static str,
    pub(crate) takes: Option<NamedSchema>,
    pub(crate) gives: Option<NamedSchema>,
    pub(crate) gives_status: u16,
    pub(crate) gives_type: &'static str,
    pub(crate) schemas: Vec<NamedSchema>,
    pub(crate) query: Vec<utoipa::openapi::path::Parameter>,
    handler: MethodRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// A route. `act` is what it lets people do; the access walk checks that it does no more.
    pub fn new<H, T, A>(method: Method, path: &'static str, _act: A, class: RouteClass, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        A: Act,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        Self {
            method,
            path,
            act: A::SPEC,
            class,
            body_limit: None,
            free_text: &[],
            summary: "",
            takes: None,
            gives: None,
            gives_status: 200,
            gives_type: "application/json",
            schemas: Vec::new(),
            query: Vec::new(),
            handler: on(filter, handler),
        }
    }

    /// Says in one line what it does.
    #[must_use]
    pub fn says(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// It takes a JSON body of this shape.
    #[must_use]
    pub fn takes<T: ToSchema>(mut self) -> Self {
        self.takes = Some((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
        self
    }

    /// It gives JSON of this shape.
    #[must_use]
    pub fn gives<T: ToSchema>(mut self) -> Self {
        self.gives = Some((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
        self
    }

    /// It answers with this status when all is well, instead of 200.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.gives_status = status;
        self
    }

    /// It answers with this media type instead of JSON.
    #[must_use]
    pub fn as_type(mut self, media_type: &'static str) -> Self {
        self.gives_type = media_type;
        self
    }

    /// It reads these from the query.
    #[must_use]
    pub fn asks<T: IntoParams>(mut self) -> Self {
        self.query
            .extend(T::into_params(|| Some(utoipa::openapi::path::ParameterIn::Query)));
        self
    }

    /// Fields that hold free text.
    #[must_use]
    pub fn free_text(mut self, fields: &'static [&'static str]) -> Self {
        self.free_text = fields;
        self
    }

    /// Most bytes of a body, if other than usual for its class.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }
}

impl<S> fmt::Debug for Route<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.method, self.path, self.act.name)
    }
}

/// What the shield needs of the table: the class of each method and path.
#[derive(Clone, Default)]
pub struct RouteTable {
    rules: matchit::Router<Vec<(Method, RouteRule)>>,
}

impl fmt::Debug for RouteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteTable").finish_non_exhaustive()
    }
}

/// A table that cannot be: two routes that clash.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the route {path} clashes with another: {why}")]
pub struct RouteClash {
    path: &'static str,
    why: String,
}

impl RouteTable {
    /// Adds routes to the table and gives the router that serves them.
    ///
    /// # Errors
    /// [`RouteClash`] if two routes cannot be told apart.
    pub fn add<S: Clone + Send + Sync + 'static>(
        &mut self,
        routes: Vec<Route<S>>,
    ) -> Result<Router<S>, RouteClash> {
        let mut router = Router::new();
        let mut known: Vec<(&'static str, Vec<(Method, RouteRule)>)> = Vec::new();
        for route in routes {
            let rule = RouteRule::new(route.class);
            let rule = route.body_limit.map_or(rule, |bytes| rule.with_body_limit(bytes));
            match known.iter_mut().find(|(path, _)| *path == route.path) {
                Some((_, rules)) => rules.push((route.method, rule)),
                None => known.push((route.path, vec![(route.method, rule)])),
            }
            router = router.route(route.path, route.handler);
        }
        for (path, rules) in known {
            let clash = |error: matchit::InsertError| RouteClash {
                path,
                why: error.to_string(),
            };
            self.rules.insert(path, rules).map_err(clash)?;
        }
        Ok(router)
    }
}

impl Classify for RouteTable {
    fn classify(&self, method: &Method, path: &str) -> RouteRule {
        let asked = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let rule = self.rules.at(path).ok().and_then(|found| {
            found
                .value
                .iter()
                .find(|(known, _)| known == asked)
                .or_else(|| found.value.first())
                .map(|(_, rule)| *rule)
        });
        rule.unwrap_or_else(|| RouteRule::new(RouteClass::Page))
    }
}
