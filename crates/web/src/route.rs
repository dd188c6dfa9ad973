//! The route table: one list from which dispatch, OpenAPI document, classifier and access walk are made.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::handler::Handler;
use axum::response::Response;
use http::{Method, Request};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use watchroom_model::Page;
use watchroom_policy::{Act, ActSpec};
use watchroom_shield::{Classify, RouteClass, RouteLimit, RouteRule};

use crate::paths::{Found, Paths, RouteClash};

/// A handler's answer on its way.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler with its state.
pub(crate) type Endpoint = Arc<dyn Fn(Request<Body>) -> Answer + Send + Sync>;

/// A handler that waits for its state.
type Unbound<S> = Box<dyn FnOnce(S) -> Endpoint + Send + Sync>;

/// A schema under its name.
pub(crate) type NamedSchema = (String, RefOr<Schema>);

/// Fields that hold secrets on every route, so that no route can forget to say so. They are never inspected: a password
/// may look like anything, and a finding would tell its owner's enemies what it looks like.
const SECRETS: &[&str] = &[
    "password",
    "confirm_password",
    "current_password",
    "old_password",
    "new_password",
    "code",
    "offer",
    "secret",
    "token",
    "refresh_token",
    "ticket",
    "csrf_token",
];

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
    /// A limit of its own for each person.
    pub limit: Option<RouteLimit>,
    /// Whether it may be asked for from everywhere and by any host name, whatever is allowed.
    pub is_for_all_networks: bool,
    /// Whether its answer may be to go on in another protocol.
    pub may_upgrade: bool,
    /// Fields that hold free text, which inspection only reports.
    pub free_text: &'static [&'static str],
    /// Why its input is not inspected, if it is not.
    pub uninspected: Option<&'static str>,
    /// One line for the API's description.
    pub summary: &'static str,
    pub(crate) takes: Vec<(&'static str, NamedSchema)>,
    pub(crate) gives: Option<NamedSchema>,
    pub(crate) gives_status: u16,
    pub(crate) gives_type: &'static str,
    pub(crate) schemas: Vec<NamedSchema>,
    pub(crate) query: Vec<utoipa::openapi::path::Parameter>,
    handler: Unbound<S>,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// A route. `act` is what it lets people do; the access walk checks that it does no more.
    pub fn new<H, T, A>(method: Method, path: &'static str, _act: A, class: RouteClass, handler: H) -> Self
    where
        H: Handler<T, S, Future = Answer> + Sync,
        T: 'static,
        A: Act,
    {
        Self {
            method,
            path,
            act: A::SPEC,
            class,
            body_limit: None,
            limit: None,
            is_for_all_networks: false,
            may_upgrade: false,
            free_text: &[],
            uninspected: None,
            summary: "",
            takes: Vec::new(),
            gives: None,
            gives_status: 200,
            gives_type: "application/json",
            schemas: Vec::new(),
            query: Vec::new(),
            handler: Box::new(|state| Arc::new(move |request| handler.clone().call(request, state.clone()))),
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
    pub fn takes<T: ToSchema>(self) -> Self {
        self.takes_as::<T>("application/json")
    }

    /// It takes a body of this media type and shape; of several, any.
    #[must_use]
    pub fn takes_as<T: ToSchema>(mut self, media_type: &'static str) -> Self {
        self.takes
            .push((media_type, (T::name().into_owned(), T::schema())));
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

    /// It gives a part of a list of these. Each list has a shape of its own under a name of its own.
    #[must_use]
    pub fn gives_page<T: ToSchema>(mut self) -> Self {
        let name = format!("{}Page", T::name());
        self.gives = Some((name, Page::<T>::schema()));
        self.schemas.push((T::name().into_owned(), T::schema()));
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

    /// Its input is not inspected for what looks like an attack, for this reason, which its description tells.
    #[must_use]
    pub fn uninspected(mut self, reason: &'static str) -> Self {
        self.uninspected = Some(reason);
        self
    }

    /// Most bytes of a body, if other than usual for its class.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// Most requests of one person in a minute, and what the configuration calls that.
    #[must_use]
    pub fn at_most(mut self, per_minute: u32, name: &'static str) -> Self {
        self.limit = Some(RouteLimit { name, per_minute });
        self
    }

    /// Its answer is to go on in another protocol on the same connection.
    #[must_use]
    pub fn upgrades(mut self) -> Self {
        self.may_upgrade = true;
        self.with_status(101)
    }

    /// It may be asked for from everywhere and by any host name, whatever is allowed.
    #[must_use]
    pub fn for_all_networks(mut self) -> Self {
        self.is_for_all_networks = true;
        self
    }

    /// The route with what its handler works with.
    #[must_use]
    pub fn with_state(self, state: S) -> BoundRoute {
        BoundRoute {
            method: self.method,
            path: self.path,
            endpoint: (self.handler)(state),
        }
    }

    /// What the shield needs of it, for [`RouteTable::new`].
    #[must_use]
    pub fn rule(&self) -> (&'static str, Method, RouteRule) {
        let rule = RouteRule::new(self.class).with_fields(self.free_text, SECRETS);
        let rule = if self.is_for_all_networks {
            rule.for_all_networks()
        } else {
            rule
        };
        let rule = if self.may_upgrade {
            rule.with_upgrade()
        } else {
            rule
        };
        let rule = self.body_limit.map_or(rule, |bytes| rule.with_body_limit(bytes));
        let rule = self.limit.map_or(rule, |limit| rule.with_limit(limit));
        let rule = self.uninspected.map_or(rule, |reason| rule.uninspected(reason));
        (self.path, self.method.clone(), rule)
    }
}

impl<S> fmt::Debug for Route<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.method, self.path, self.act.name)
    }
}

/// A route that can be served.
pub struct BoundRoute {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) endpoint: Endpoint,
}

impl fmt::Debug for BoundRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What the shield needs of the table: the class of each method and path.
#[derive(Clone)]
pub struct RouteTable(Paths<RouteRule>);

impl fmt::Debug for RouteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteTable").finish_non_exhaustive()
    }
}

impl RouteTable {
    /// The table of these rules ([`Route::rule`]).
    ///
    /// # Errors
    /// [`RouteClash`] if two routes cannot be told apart.
    pub fn new(
        rules: impl IntoIterator<Item = (&'static str, Method, RouteRule)>,
    ) -> Result<Self, RouteClash> {
        Paths::new(rules).map(Self)
    }
}

impl Classify for RouteTable {
    fn classify(&self, method: &Method, path: &str) -> RouteRule {
        match self.0.find(method, path) {
            Found::Value(rule, _) => *rule,
            // A method that is not there is told so, and uses up nobody's tries to sign in: any page elsewhere can have its
            // visitors ask by GET for whatever is asked for by POST.
            Found::OtherMethods(_) | Found::Nothing => RouteRule::new(RouteClass::Page),
        }
    }
}
