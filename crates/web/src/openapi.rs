//! The OpenAPI 3.1 document, made from the route table.

use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Ref,
    RefOr, Required, ResponseBuilder,
};
use watchroom_policy::{FreshProof, Needs, PermissionSet};

use crate::{Route, SESSION_COOKIE};

/// Describes the routes.
#[must_use]
pub fn document<S>(routes: &[Route<S>], version: &str) -> OpenApi {
    let mut components = ComponentsBuilder::new().schema("Problem", problem_schema());
    components = components.security_scheme(
        "token",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
    );
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE)));
    components = components.security_scheme("session", cookie);
    let mut paths = PathsBuilder::new();
    for route in routes {
        let takes = route.takes.iter().map(|(_, schema)| schema);
        for (name, schema) in route.schemas.iter().chain(takes).chain(&route.gives) {
            components = components.schema(name.clone(), schema.clone());
        }
        paths = paths.path(route.path, PathItem::new(method(route), operation(route)));
    }
    let info = InfoBuilder::new()
        .title("Watchroom")
        .version(version)
        .description(Some(
            "The control plane for the machines you run and the crew that runs them.",
        ))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .paths(paths.build())
        .components(Some(components.build()))
        .build()
}

fn method<S>(route: &Route<S>) -> HttpMethod {
    match route.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation<S>(route: &Route<S>) -> utoipa::openapi::path::Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(route)))
        .summary(Some(route.summary))
        .description(Some(needs(route)))
        .tag(route.act.on.word());
    for name in path_parameters(route.path) {
        let text = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .build();
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(Schema::Object(text)));
        operation = operation.parameter(parameter.build());
    }
    for parameter in &route.query {
        operation = operation.parameter(parameter.clone());
    }
    if !route.takes.is_empty() {
        operation = operation.request_body(Some(body(route)));
    }
    let mut good = ResponseBuilder::new().description("Done");
    if let Some((name, _)) = &route.gives {
        good = good.content(
            route.gives_type,
            ContentBuilder::new()
                .schema(Some(RefOr::Ref(Ref::from_schema_name(name))))
                .build(),
        );
    } else if ![101, 204].contains(&route.gives_status) {
        good = good.content(route.gives_type, ContentBuilder::new().build());
    }
    operation = operation.response(route.gives_status.to_string(), good.build());
    let problem = ContentBuilder::new()
        .schema(Some(RefOr::Ref(Ref::from_schema_name("Problem"))))
        .build();
    let bad = ResponseBuilder::new()
        .description("A problem (RFC 9457)")
        .content("application/problem+json", problem);
    operation = operation.response("default", bad.build());
    if route.act.needs != Needs::Nothing {
        operation = operation.security(SecurityRequirement::new("token", Vec::<String>::new()));
        operation = operation.security(SecurityRequirement::new("session", Vec::<String>::new()));
    }
    let mut built = operation.build();
    let mut extensions = Extensions::builder().add("x-act", json!(route.act.name));
    if let Some(reason) = route.uninspected {
        extensions = extensions.add("x-uninspected", json!(reason));
    }
    built.extensions = Some(extensions.build());
    built
}

fn body<S>(route: &Route<S>) -> RequestBody {
    let mut body = RequestBodyBuilder::new().required(Some(Required::True));
    for (media_type, (name, _)) in &route.takes {
        let content = ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name(name))));
        body = body.content(*media_type, content.build());
    }
    body.build()
}

fn operation_id<S>(route: &Route<S>) -> String {
    let path = route
        .path
        .trim_start_matches("/api/")
        .replace(['/', '.'], "_")
        .replace(['{', '}'], "");
    format!("{}_{path}", route.method.as_str().to_lowercase())
}

fn needs<S>(route: &Route<S>) -> String {
    let list = |permissions: PermissionSet| {
        permissions
            .iter()
            .map(|one| one.to_string())
            .collect::<Vec<_>>()
            .join(" and ")
    };
    let base = match route.act.needs {
        Needs::Permissions(needed) => format!("Needs {}", list(PermissionSet::of(needed))),
        Needs::OwnerOr([]) => "Needs to be one's own".to_owned(),
        Needs::OwnerOr(needed) => format!("Needs to be one's own, or {}", list(PermissionSet::of(needed))),
        Needs::SignedIn => "Needs to be signed in".to_owned(),
        Needs::FirstFactor => "Needs a session, whatever of its second factor".to_owned(),
        Needs::Enrolment => {
            "Needs a session that lacks no second factor, or whose person has none yet".to_owned()
        }
        Needs::Nothing => "Open to everybody".to_owned(),
        Needs::System | Needs::Node => "Not for people".to_owned(),
    };
    let proof = match route.act.fresh_proof {
        FreshProof::NotNeeded => "",
        FreshProof::Any => "; a proof of the last 10 minutes",
        FreshProof::Whole => "; a proof of the last 10 minutes by all that one signs in with",
    };
    match route.uninspected {
        Some(reason) => format!("{base}{proof}. Its input is not inspected: {reason}."),
        None => format!("{base}{proof}."),
    }
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn problem_schema() -> RefOr<Schema> {
    let schema: Result<Schema, _> = serde_json::from_value::<Schema>(problem_shape());
    RefOr::T(schema.unwrap_or_else(|_| Schema::Object(ObjectBuilder::new().build())))
}

fn problem_shape() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "description": "A stable name with a page in the troubleshooting guide." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What happened and what to do next." },
            "request_id": { "type": "string", "format": "uuid" },
            "decision_id": { "type": "string", "format": "uuid" },
            "errors": { "type": "array", "items": { "type": "object", "properties": {
                "field": { "type": "string" }, "code": { "type": "string" }, "message": { "type": "string" }
            } } }
        }
    })
}
