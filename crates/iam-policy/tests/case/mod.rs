//! One case of a test table: a request, the policies that apply, the answer that AWS gives. The
//! same lines are read by the example `evaluate_cases`.

use iam_policy::{
    Attached, Context, Decision, Layers, Outcome, Policy, Principal, Request, evaluate,
};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
pub struct Case {
    pub id: String,
    #[serde(default)]
    pub expect: String,
    principal: String,
    action: String,
    resource: String,
    resource_account: String,
    #[serde(default)]
    context: Map<String, Value>,
    #[serde(default)]
    identity: Vec<Value>,
    resource_policy: Option<Value>,
    boundary: Option<Value>,
    session: Option<Value>,
    #[serde(default)]
    scps: Vec<Vec<Value>>,
}

impl Case {
    pub fn decide(&self) -> Result<Decision, String> {
        let parse = |value: &Value| Policy::parse(&value.to_string()).map_err(|e| e.to_string());
        let parse_all = |values: &[Value]| values.iter().map(parse).collect::<Result<Vec<_>, _>>();
        let identity = parse_all(&self.identity)?;
        let resource = self.resource_policy.as_ref().map(parse).transpose()?;
        let boundary = self.boundary.as_ref().map(parse).transpose()?;
        let session = self.session.as_ref().map(parse).transpose()?;
        let scps: Vec<Vec<Policy>> =
            self.scps.iter().map(|level| parse_all(level)).collect::<Result<_, _>>()?;
        let layers = Layers {
            identity: attached(&identity),
            resource: resource.as_ref().map(|policy| Attached::new("resource policy", policy)),
            boundary: boundary.as_ref().map(|policy| Attached::new("boundary", policy)),
            session: session.iter().map(|policy| Attached::new("session", policy)).collect(),
            scps: scps.iter().map(|level| attached(level)).collect(),
            ..Layers::default()
        };
        Ok(evaluate(&self.request()?, &layers))
    }

    /// The context is the case's own and nothing else: some cases are about absent keys.
    fn request(&self) -> Result<Request, String> {
        let mut context = Context::new();
        for (key, value) in &self.context {
            match value {
                Value::String(text) => context.set(key, text.as_str()),
                Value::Array(list) => context.set_all(key, list.iter().filter_map(Value::as_str)),
                other => return Err(format!("{key}: {other} is no context value")),
            }
        }
        let mut principal = match self.principal.split_once(':') {
            None if self.principal == "anonymous" => Principal::Anonymous,
            Some(("service", name)) => Principal::Service(name.to_owned()),
            Some(("federated", provider)) => Principal::Federated(provider.to_owned()),
            _ => Principal::from_arn(&self.principal).ok_or("unknown form of principal")?,
        };
        if let (Principal::Session { role, .. }, Some(arn)) =
            (&mut principal, context.single("aws:PrincipalArn"))
        {
            arn.clone_into(role);
        }
        Ok(Request {
            principal,
            action: self.action.clone(),
            resource: self.resource.clone(),
            resource_account: self.resource_account.clone(),
            context,
        })
    }
}

fn attached(policies: &[Policy]) -> Vec<Attached<'_>> {
    policies.iter().map(|policy| Attached::new("policy", policy)).collect()
}

pub fn answer(decision: &Decision) -> &'static str {
    match decision.outcome {
        Outcome::Allow => "Allow",
        Outcome::ImplicitDeny => "ImplicitDeny",
        Outcome::ExplicitDeny => "ExplicitDeny",
    }
}
