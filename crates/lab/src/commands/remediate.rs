//! `lab run remediate`: the plan, and with `--apply --plan` exactly that plan.

use super::scope::{Scope, ignore, inputs, scope, tool, who as names};
use super::who::who;
use super::{plans, record};
use crate::args::{Global, OutputFormat, PolicyFile, Remediate};
use crate::clouds;
use crate::config::Config;
use crate::desk::Desk;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{self, say};
use crate::progress::Bar;
use crate::shipped;
use auto_remediation::Policy;
use drift_detector::Selection;
use ledger::Ledger;
use model::remediation::LedgerHead;
use model::{ActionState, Decision, RemediationPlan, Timestamp};
use operations::remediation::applying::Lease;
use operations::remediation::{
    Applied, ApplyRequest, FixCloud, PlanRequest, Powers, RemediationError, apply, make_plan,
};
use operations::{CheckRequest, StateInput};
use provider::Purpose;
use report::remediation::{MovedLine, Ran};
use std::path::Path;

/// The caller that mends on `local`: it reads and writes the supported kinds.
const REMEDIATOR: &str = "remediator";
const POLICY_FILE: &str = "remediation.toml";

pub async fn run(args: &Remediate, config: &Config, global: &Global) -> Outcome {
    if config.format == OutputFormat::Sarif {
        return Err(Failure::usage("a plan has no format sarif")
            .hint("terminal, json and markdown; lab run drift-check has sarif"));
    }
    let policy = policy(&args.policy)?;
    let plan = match &args.plan {
        Some(text) => Some(plans::find(text, config)?),
        None => None,
    };
    let scope = scope(&args.state, args.target.as_deref(), config, "remediate")?;
    let bar = Bar::new(global.quiet);
    match scope {
        Scope::Shipped | Scope::Local(_) => {
            let desk = Desk::open(config, "lab run remediate").await?;
            let outcome = on_desk(args, &scope, &desk, plan, &policy, config, global, &bar).await;
            desk.close().await;
            outcome
        }
        Scope::Target(name, states) => {
            let target = config.target(&name)?;
            clouds::refuse_lab_environment(&name, target)?;
            let fix = clouds::of_target(&name, target, Purpose::Remediation).await?;
            let events = if args.events.is_empty() { &target.events } else { &args.events };
            let check = check_request(args, events, &name, inputs(&states)?, args.probe)?;
            let run = Run { args, policy: &policy, config, global, bar: &bar };
            run.go(check, fix, plan).await
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "one arm of `run`, apart so that the desk is closed")]
async fn on_desk(
    args: &Remediate,
    scope: &Scope,
    desk: &Desk,
    plan: Option<RemediationPlan>,
    policy: &Policy,
    config: &Config,
    global: &Global,
    bar: &Bar,
) -> Outcome {
    let states = match scope {
        Scope::Local(states) => inputs(states)?,
        _ => {
            if let Some(line) = shipped::prepare(desk, bar).await? {
                bar.clear();
                if !global.quiet {
                    say(line);
                    say("");
                }
            }
            shipped::states()?
        }
    };
    let fix = desk.powers(REMEDIATOR).await?;
    let check = check_request(args, &args.events, "local", states, true)?;
    Run { args, policy, config, global, bar }.go(check, fix, plan).await
}

fn check_request(
    args: &Remediate,
    events: &[String],
    target: &str,
    states: Vec<StateInput>,
    probe: bool,
) -> Result<CheckRequest, Failure> {
    Ok(CheckRequest {
        target: target.to_owned(),
        states,
        only: Selection::default(),
        ignore: ignore()?,
        unmanaged: args.unmanaged,
        who: names(events)?,
        probe,
        tool: tool(),
    })
}

/// The policy that the user names, or the file that lies here; a named one must be there.
pub fn policy(file: &PolicyFile) -> Result<Policy, Failure> {
    let path = file.file.as_deref().unwrap_or(Path::new(POLICY_FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let policy = Policy::parse(&text, &path.display().to_string()).map_err(|error| {
                Failure::usage(error.to_string())
                    .hint("lab init writes one with every setting explained; nothing was decided")
            })?;
            let catalogs = clouds::catalogs();
            let kinds: Vec<&str> =
                catalogs.iter().flat_map(|c| c.kinds()).map(|k| k.facts().kind.as_str()).collect();
            match policy.unknown_kind(&kinds) {
                None => Ok(policy),
                Some((place, kind)) => {
                    Err(Failure::usage(format!("{place}: there is no kind {kind}"))
                        .hint("lab list shows those that are"))
                }
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && file.file.is_none() => {
            Ok(Policy::default())
        }
        Err(e) => Err(Failure::usage(format!("{}: {e}", path.display()))),
    }
}

pub fn failure(error: RemediationError) -> Failure {
    match error {
        RemediationError::Ledger(error) => record::failure(error),
        RemediationError::BadPlan { what, next_step } => Failure::usage(what).hint(next_step),
        RemediationError::NotAllowed { what, next_step } => {
            Failure { exit: Exit::Incomplete, ..Failure::new(what) }.hint(next_step)
        }
        other => Failure::new(other.to_string()),
    }
}

struct Run<'a> {
    args: &'a Remediate,
    policy: &'a Policy,
    config: &'a Config,
    global: &'a Global,
    bar: &'a Bar,
}

impl Run<'_> {
    async fn go(
        &self,
        check: CheckRequest,
        fix: Vec<FixCloud>,
        plan: Option<RemediationPlan>,
    ) -> Outcome {
        let local = check.target == "local";
        let clock = || -> Timestamp { local_cloud::Clock::real() };
        let powers = Powers::of(fix, &check.states, &clock).await;
        let by = Some(who((!local).then_some(powers.clouds())).await?);
        let max_changes = self.args.max_changes.and_then(|n| usize::try_from(n).ok());
        match plan {
            None => {
                let ledger = record::open(self.config)?;
                // While another run is at work, what is open is its own business.
                let held = record::try_hold(self.config, "lab run remediate")?;
                let settle = held.is_some().then_some(Lease::Alone);
                let only = self.args.only.clone();
                let request = PlanRequest { check, by, max_changes, only, settle };
                let made = make_plan(request, &powers, self.policy, &ledger, self.bar)
                    .await
                    .map_err(failure)?;
                self.bar.clear();
                plans::keep(&made.plan, self.config)?;
                self.show(&made.plan, None)?;
                if made.report.states.is_empty() {
                    return Ok(Exit::Failed);
                }
                Ok(of_plan(&made.plan))
            }
            Some(plan) => {
                let _held = record::hold(self.config, "lab run remediate --apply").await?;
                let ledger = record::open(self.config)?;
                // Whoever said yes stands in it: one that was edited allows nothing.
                ledger.verify(None).await.map_err(record::failure)?;
                let before = ledger.head().await.map_err(record::failure)?;
                let unchanged = plan.clone();
                let request = ApplyRequest {
                    plan,
                    check,
                    by,
                    only: self.args.only.clone(),
                    max_changes,
                    probe: local || self.args.probe,
                    lease: Lease::Alone,
                };
                let applied = apply(request, &powers, self.policy, &ledger, self.bar).await;
                self.bar.clear();
                match applied {
                    Ok(applied) => {
                        self.show(&applied.plan, Some((&applied, before.as_ref())))?;
                        Ok(of_apply(&applied.plan))
                    }
                    Err(RemediationError::Moved { plan, moved }) => {
                        if self.config.format == OutputFormat::Json {
                            self.show(&unchanged, None)?;
                        }
                        let lines: Vec<MovedLine> = moved
                            .into_iter()
                            .map(|m| MovedLine {
                                action: m.action,
                                place: m.place,
                                what: m.what,
                                unknown: m.unknown,
                            })
                            .collect();
                        say(report::remediation::refusal(&plan, &lines, &self.options()).trim_end());
                        Ok(Exit::Incomplete)
                    }
                    Err(error) => Err(failure(error)),
                }
            }
        }
    }

    fn options(&self) -> report::Options {
        let mut options = report::Options::new(local_cloud::Clock::real());
        options.width = output::width();
        options.color = self.config.color() && self.global.output.is_none();
        options.verbose = self.global.verbose;
        options
    }

    fn show(
        &self,
        plan: &RemediationPlan,
        applied: Option<(&Applied, Option<&LedgerHead>)>,
    ) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        let options = self.options();
        match (self.config.format, applied) {
            (OutputFormat::Json, _) => {
                serde_json::to_writer_pretty(&mut bytes, plan)?;
                bytes.push(b'\n');
            }
            (OutputFormat::Markdown, _) => {
                report::remediation::plan_markdown(plan, &options, &mut bytes)?;
            }
            (_, None) => report::remediation::plan(plan, &options, &mut bytes)?,
            (_, Some((applied, before))) => {
                let settled: Vec<(String, String, String)> = applied
                    .settled
                    .iter()
                    .map(|s| (s.action.clone(), s.place.clone(), s.words.clone()))
                    .collect();
                let ran = Ran {
                    ran: &applied.ran,
                    settled: &settled,
                    broken: applied.broken,
                    ledger_before: before.map(|h| h.entries),
                };
                report::remediation::applied(plan, &ran, &options, &mut bytes)?;
            }
        }
        output::answer(&bytes, self.global.output.as_deref())?;
        if let Some(file) = self.global.output.as_deref().filter(|_| !self.global.quiet) {
            let hash = operations::remediation::short(&plan.hash);
            say(format!("plan {hash} written to {}", file.display()));
        }
        if self.config.format != OutputFormat::Terminal && !self.global.quiet {
            for error in &plan.errors {
                let then = if error.next_step.is_empty() { "" } else { "; " };
                let line = format!("{}: {}{then}{}", error.place, error.what, error.next_step);
                say(report::text::safe(&line));
            }
        }
        Ok(())
    }
}

/// Whether somebody or something is still to come.
fn waits(plan: &RemediationPlan) -> bool {
    plan.actions.iter().any(|a| match a.state {
        ActionState::Planned | ActionState::Approved => a.decision != Decision::Accept,
        _ => false,
    })
}

fn has(plan: &RemediationPlan, state: ActionState) -> bool {
    plan.actions.iter().any(|a| a.state == state)
}

fn of_plan(plan: &RemediationPlan) -> Exit {
    if waits(plan) || has(plan, ActionState::HeldBack) || !plan.without_remedy.is_empty() {
        Exit::Findings
    } else if plan.partial || plan.unknown > 0 || has(plan, ActionState::Rejected) {
        Exit::Incomplete
    } else {
        Exit::Clean
    }
}

/// 1 if one failed; else 3 if one was refused; else 2 while one waits; else 3 if one was
/// rejected or held back; else 0.
fn of_apply(plan: &RemediationPlan) -> Exit {
    if has(plan, ActionState::Failed) {
        Exit::Failed
    } else if has(plan, ActionState::Refused) {
        Exit::Incomplete
    } else if waits(plan) {
        Exit::Findings
    } else if has(plan, ActionState::Rejected)
        || has(plan, ActionState::HeldBack)
        || has(plan, ActionState::Applied)
        || has(plan, ActionState::Undone)
    {
        Exit::Incomplete
    } else {
        Exit::Clean
    }
}
