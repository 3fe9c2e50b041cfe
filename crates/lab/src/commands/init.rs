//! `lab init`: a lab.toml and a remediation.toml that explain themselves.

use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

const TEMPLATE: &str = include_str!("init.toml");
const POLICY: &str = include_str!("remediation.toml");
const POLICY_FILE: &str = "remediation.toml";

pub fn run(force: bool, config: &Config) -> Outcome {
    let policy = config.path.with_file_name(POLICY_FILE);
    let files = [(config.path.as_path(), TEMPLATE), (policy.as_path(), POLICY)];
    let there: Vec<String> =
        files.iter().filter(|(p, _)| p.exists()).map(|(p, _)| p.display().to_string()).collect();
    if there.len() == files.len() && !force {
        return Err(Failure::usage(format!("{} are there already", there.join(" and ")))
            .hint("lab init --force overwrites them"));
    }
    for (path, text) in files.iter().filter(|(p, _)| force || !p.exists()) {
        output::answer(text.as_bytes(), Some(path))?;
        output::say(format!("Wrote {}", path.display()));
    }
    output::say("Next: fill in a target, then lab doctor --target prod");
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    fn switched_on(template: &str) -> String {
        template.lines().map(|l| format!("{}\n", l.strip_prefix("#: ").unwrap_or(l))).collect()
    }

    #[test]
    fn the_templates_read_as_they_stand_and_with_their_examples_switched_on() {
        let on = switched_on(super::TEMPLATE);
        for text in [super::TEMPLATE, &on] {
            toml::from_str::<crate::config::File>(text).unwrap();
        }
        assert_ne!(on, super::TEMPLATE);
        let on = switched_on(super::POLICY);
        let plain = auto_remediation::Policy::parse(super::POLICY, "p").unwrap();
        let built_in = auto_remediation::Policy::default();
        assert_eq!(plain.limits, built_in.limits);
        assert!(plain.rules.is_empty() && plain.freezes.is_empty());
        let with = auto_remediation::Policy::parse(&on, "p").unwrap();
        assert_eq!((with.rules.len(), with.freezes.len()), (3, 1));
    }
}
