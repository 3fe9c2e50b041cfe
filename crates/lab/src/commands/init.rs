//! `lab init`: a lab.toml that explains itself.

use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

const TEMPLATE: &str = include_str!("init.toml");

pub fn run(force: bool, config: &Config) -> Outcome {
    let path = &config.path;
    if path.exists() && !force {
        return Err(Failure::usage(format!("{} is there already", path.display()))
            .hint("lab init --force overwrites it"));
    }
    output::answer(TEMPLATE.as_bytes(), Some(path))?;
    output::say(format!("Wrote {}", path.display()));
    output::say("Next: fill in a target, then lab doctor --target prod");
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_reads_as_it_stands_and_with_its_examples_switched_on() {
        let on: String = super::TEMPLATE
            .lines()
            .map(|l| l.strip_prefix("#: ").unwrap_or(l))
            .map(|l| format!("{l}\n"))
            .collect();
        for text in [super::TEMPLATE, &on] {
            toml::from_str::<crate::config::File>(text).unwrap();
        }
        assert_ne!(on, super::TEMPLATE);
    }
}
