//! Options out of what a user wrote: the variables of a caller, a section of lab.toml.

use crate::session::{Options, StaticCredentials};
use provider::Sensitive;

impl Options {
    /// A caller of the cloud at `endpoint`, by the variables that its own tools would be given.
    pub fn from_variables(variables: &[(String, String)], endpoint: &str) -> Self {
        let value = |name: &str| {
            variables.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.clone())
        };
        let credentials = value("AWS_ACCESS_KEY_ID").zip(value("AWS_SECRET_ACCESS_KEY"));
        Options {
            endpoint: Some(endpoint.to_owned()),
            region: value("AWS_REGION").or_else(|| value("AWS_DEFAULT_REGION")),
            credentials: credentials.map(|(id, secret)| StaticCredentials {
                access_key_id: id,
                secret_access_key: Sensitive::new(secret),
                session_token: value("AWS_SESSION_TOKEN").map(Sensitive::new),
            }),
            ..Options::default()
        }
    }

    /// `[targets.NAME.aws."ACCOUNT"]`. No settings: the ordinary credential chain.
    pub fn from_section(_account: &str, section: &toml::Table) -> Result<Self, String> {
        let mut options = Options::default();
        for (name, value) in section {
            let text = value.as_str().ok_or_else(|| format!("{name} must be a text"))?.to_owned();
            match name.as_str() {
                "profile" => options.profile = Some(text),
                "role_arn" => options.role_arn = Some(text),
                "external_id" => options.external_id = Some(text),
                "region" => options.region = Some(text),
                "endpoint" => options.endpoint = Some(text),
                "ca_bundle" => options.ca_bundle = Some(text.into()),
                _ => {
                    return Err(format!(
                        "unknown setting {name}; known are ca_bundle, endpoint, external_id, \
                         profile, region, role_arn"
                    ));
                }
            }
        }
        if options.external_id.is_some() && options.role_arn.is_none() {
            return Err("external_id goes with role_arn, and that is not set".to_owned());
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_read_and_a_typo_is_named() {
        let section: toml::Table =
            "profile = \"reader\"\nregion = \"eu-central-1\"".parse().unwrap();
        let options = Options::from_section("111122223333", &section).unwrap();
        assert_eq!(options.profile.as_deref(), Some("reader"));
        let wrong: toml::Table = "profil = \"reader\"".parse().unwrap();
        assert!(Options::from_section("1", &wrong).unwrap_err().contains("profil"));
    }

    #[test]
    fn a_secret_given_by_a_variable_does_not_print() {
        let variables = [
            ("AWS_ACCESS_KEY_ID".to_owned(), "AKIAIOSFODNN7EXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), "hunter2hunter2".to_owned()),
        ];
        let options = Options::from_variables(&variables, "http://127.0.0.1:1");
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
