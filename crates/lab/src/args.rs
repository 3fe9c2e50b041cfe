//! The command line: what may be asked. It only collects; `commands/` decides.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:\n  lab run drift-check                     \
    the shipped lab: no account, no configuration\n  \
    lab run drift-check --state prod.tfstate --target prod\n  \
    lab run remediate                       the fix for what it found; changes nothing yet\n  \
    lab show F-f1b2                         the whole story of one finding\n  \
    lab cloud exec -- aws s3 ls             the vendors' own tools on the local clouds";

/// Cloud security you can learn on your desk and run in production: drift with a name on
/// every change, through AWS, Azure and Google Cloud.
#[derive(Debug, Parser)]
#[command(name = "lab", version, propagate_version = true, disable_help_subcommand = true,
    after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", crate::exit::help()))]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Folder of the local clouds, reports and lessons [default: .lab]
    #[arg(long, global = true, value_name = "DIR", env = "LAB_DATA")]
    pub data: Option<PathBuf>,
    /// Format of the answer on standard output [default: terminal]
    #[arg(long, global = true, value_enum, env = "LAB_FORMAT")]
    pub format: Option<OutputFormat>,
    /// Write the answer to a file instead of standard output
    #[arg(short = 'o', long = "output", global = true, value_name = "FILE", env = "LAB_OUTPUT")]
    pub output: Option<PathBuf>,
    /// End with 0 where findings or unknowns would make it 2 or 3
    #[arg(long, global = true, env = "LAB_EXIT_ZERO")]
    pub exit_zero: bool,
    /// Only the answer, nothing beside it
    #[arg(short, long, global = true, env = "LAB_QUIET", conflicts_with = "verbose")]
    pub quiet: bool,
    /// More: what is in sync, every state, why an effect is what it is
    #[arg(short, long, global = true, env = "LAB_VERBOSE")]
    pub verbose: bool,
    /// Colour: auto is on for a terminal unless NO_COLOR is set [default: auto]
    #[arg(long, global = true, value_enum, env = "LAB_COLOR")]
    pub color: Option<ColorChoice>,
    /// Configuration file [default: lab.toml]
    #[arg(long, global = true, value_name = "FILE", env = "LAB_CONFIG")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    Terminal,
    Json,
    Sarif,
    Markdown,
}

impl OutputFormat {
    pub fn name(self) -> &'static str {
        match self {
            OutputFormat::Terminal => "terminal",
            OutputFormat::Json => "json",
            OutputFormat::Sarif => "sarif",
            OutputFormat::Markdown => "markdown",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run an exercise
    #[command(subcommand)]
    Run(Run),
    /// Tell the whole story of one finding of the last report, or of one action
    #[command(after_help = "Examples:\n  lab show F-f1b2\n  lab show A-51b2")]
    Show {
        /// Its id, or any longer prefix of its fingerprint
        #[arg(value_name = "FINDING|ACTION")]
        id: String,
    },
    /// Say yes or no to an action of a plan, or take one back
    #[command(subcommand)]
    Remediate(RemediateCommand),
    /// Read the record of what was planned, approved and done
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Start, stop and use the local clouds
    #[command(subcommand)]
    Cloud(Cloud),
    /// Guided work around an exercise
    #[command(subcommand)]
    Lesson(Lesson),
    /// Show the settings in force and try what the credentials may do
    #[command(after_help = "Examples:\n  lab doctor\n  lab doctor --target prod\n  \
        lab doctor --grant drift-check     the complete least-privilege policy, to paste")]
    Doctor {
        /// The target to examine
        #[arg(long, env = "LAB_TARGET", value_name = "NAME")]
        target: Option<String>,
        /// Print the policy that this exercise needs, for every cloud
        #[arg(long, value_name = "EXERCISE", value_parser = ["drift-check", "remediate"])]
        grant: Option<String>,
    },
    /// Write a commented lab.toml and remediation.toml
    Init {
        /// Overwrite one that is there
        #[arg(long)]
        force: bool,
    },
    /// List exercises, lessons, remedies and the kinds of resources that are read
    List,
    /// Print shell completions
    #[command(
        after_help = "Example:\n  lab completions bash > ~/.local/share/bash-completion/completions/lab"
    )]
    Completions { shell: Shell },
}

impl Command {
    /// Ctrl-C is for the command that it runs, or ends it in its own way.
    pub fn minds_interrupts(&self) -> bool {
        matches!(self, Command::Cloud(Cloud::Exec { .. } | Cloud::Start { foreground: true, .. }))
    }
}

#[derive(Debug, Subcommand)]
pub enum Run {
    /// Compare Terraform states with the live clouds, and name who changed what
    #[command(after_help = "Examples:\n  lab run drift-check\n  \
        lab run drift-check --state prod.tfstate --target prod\n  \
        lab run drift-check --state 's3://tf-states/**/*.tfstate' --target prod \\\n      \
        --events s3://log-archive/AWSLogs/ --format sarif -o drift.sarif")]
    DriftCheck(DriftCheck),
    /// Plan the fix for what a check finds; apply exactly the plan that was seen
    #[command(after_help = "Examples:\n  lab run remediate                           \
        the plan and its hash; changes nothing\n  \
        lab run remediate --apply --plan 7f3a9c21   exactly that plan\n  \
        lab run remediate --target prod --format json -o plan.json\n  \
        lab run remediate --target prod --apply --plan plan.json")]
    Remediate(Remediate),
}

#[derive(Debug, Args)]
pub struct Remediate {
    /// A state: file, glob, Terraform root, s3://, azblob://, gs:// URL, or - for standard
    /// input; may be repeated
    #[arg(long, value_name = "PATH|URL", env = "LAB_STATE", value_delimiter = ',')]
    pub state: Vec<String>,
    /// Where to mend: local, or a target of lab.toml
    #[arg(long, value_name = "NAME", env = "LAB_TARGET")]
    pub target: Option<String>,
    /// Change the cloud; without it nothing is changed
    #[arg(long, requires = "plan")]
    pub apply: bool,
    /// The plan to apply: its hash, eight digits of it or more, or its file
    #[arg(long, value_name = "HASH|FILE", requires = "apply")]
    pub plan: Option<String>,
    /// Only these: addresses with * for any text, ids of findings or of actions
    #[arg(long, value_name = "PATTERN|FINDING", env = "LAB_ONLY")]
    pub only: Vec<String>,
    /// The most changes of one run [default: changes_per_run of the policy, 20]
    #[arg(long, value_name = "N", env = "LAB_MAX_CHANGES",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub max_changes: Option<u32>,
    /// Take names and uses from these log files, folders or URLs and from nowhere else
    #[arg(long, value_name = "PATH|URL", env = "LAB_EVENTS", value_delimiter = ',')]
    pub events: Vec<String>,
    /// Also plan for what no state manages
    #[arg(long, env = "LAB_UNMANAGED")]
    pub unmanaged: bool,
    /// Try effects with anonymous reads (always done on local)
    #[arg(long, env = "LAB_PROBE")]
    pub probe: bool,
    #[command(flatten)]
    pub policy: PolicyFile,
}

#[derive(Debug, Args)]
pub struct PolicyFile {
    /// What is fixed, asked and accepted [default: remediation.toml, where it is there]
    #[arg(long = "policy", value_name = "FILE", env = "LAB_POLICY")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum RemediateCommand {
    /// Say yes to one action; the next apply of its plan does it
    #[command(after_help = "Example:\n  lab remediate approve A-03fe")]
    Approve {
        action: String,
        /// The plan, where it is not the last one that holds the action
        #[arg(long, value_name = "HASH|FILE")]
        plan: Option<String>,
        #[command(flatten)]
        policy: PolicyFile,
    },
    /// Say no to one action
    #[command(
        after_help = "Example:\n  lab remediate reject A-03fe --reason \"the partner needs it\""
    )]
    Reject {
        action: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[arg(long, value_name = "HASH|FILE")]
        plan: Option<String>,
        #[command(flatten)]
        policy: PolicyFile,
    },
    /// Put back what was there before an action, at once
    #[command(after_help = "Example:\n  lab remediate undo A-51b2")]
    Undo {
        action: String,
        #[command(flatten)]
        policy: PolicyFile,
    },
}

#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// List the entries
    List,
    /// Show one entry, or all about one action or plan
    #[command(after_help = "Examples:\n  lab ledger show 12\n  lab ledger show A-51b2")]
    Show { id: String },
    /// Recompute the chain of hashes and name the first entry that does not fit
    #[command(after_help = "Examples:\n  lab ledger verify\n  \
        lab ledger verify --head 20:4f0c9a21      also that nothing was cut off since a report")]
    Verify {
        /// Entries and hash as a report showed them
        #[arg(long, value_name = "ENTRIES:HASH")]
        head: Option<String>,
    },
    /// Bring what a deployed function recorded into the chain
    #[command(
        after_help = "Example:\n  lab ledger import s3://acme-remediation/ledger --target prod"
    )]
    Import {
        #[arg(value_name = "URL")]
        url: String,
        #[arg(long, value_name = "NAME", env = "LAB_TARGET")]
        target: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct DriftCheck {
    /// A state: file, glob, Terraform root, s3://, azblob://, gs:// URL, or - for standard
    /// input; may be repeated
    #[arg(long, value_name = "PATH|URL", env = "LAB_STATE", value_delimiter = ',')]
    pub state: Vec<String>,
    /// Where to look: local, or a target of lab.toml
    #[arg(long, value_name = "NAME", env = "LAB_TARGET")]
    pub target: Option<String>,
    /// Also report resources of the supported kinds that no state manages
    #[arg(long, env = "LAB_UNMANAGED")]
    pub unmanaged: bool,
    /// Take names from these log files, folders or URLs and from nowhere else
    #[arg(long, value_name = "PATH|URL", env = "LAB_EVENTS", value_delimiter = ',')]
    pub events: Vec<String>,
    /// Do not ask who made the changes
    #[arg(long, env = "LAB_NO_ATTRIBUTION", conflicts_with = "events")]
    pub no_attribution: bool,
    /// Try effects with anonymous reads (always done on local)
    #[arg(long, env = "LAB_PROBE")]
    pub probe: bool,
    /// Only addresses that match; * stands for any text
    #[arg(long, value_name = "PATTERN", env = "LAB_ONLY")]
    pub only: Vec<String>,
    /// The least severity that makes the exit code 2 [default: info]
    #[arg(long, value_name = "SEVERITY", env = "LAB_FAIL_ON",
        value_parser = ["critical", "high", "medium", "low", "info"])]
    pub fail_on: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Cloud {
    /// Serve the local clouds in the background; returns when they answer
    Start {
        /// Port on 127.0.0.1 [default: any free one]
        #[arg(long, env = "LAB_PORT", value_name = "N")]
        port: Option<u16>,
        /// Stay in the foreground until Ctrl-C
        #[arg(long)]
        foreground: bool,
    },
    /// Stop the local clouds that serve this folder
    Stop,
    /// Say whether and where they run
    Status,
    /// Remove everything in the folder of the local clouds and start over
    Reset,
    /// Print the environment in which other tools reach the running local clouds
    #[command(after_help = "Example:\n  eval \"$(lab cloud env)\" && aws s3 ls")]
    Env {
        /// Act as this caller (lab cloud callers lists them)
        #[arg(long = "as", value_name = "CALLER")]
        caller: Option<String>,
        /// shell: export lines; json: one object
        #[arg(long = "format", value_parser = ["shell", "json"], default_value = "shell", id = "env_format")]
        format: String,
    },
    /// Run one command in that environment
    #[command(after_help = "Examples:\n  lab cloud exec -- aws s3 ls\n  \
        lab cloud exec --as drift-reader -- terraform plan\n  \
        lab cloud exec --allow registry.terraform.io -- terraform init")]
    Exec {
        #[arg(long = "as", value_name = "CALLER")]
        caller: Option<String>,
        /// Let the command reach this host outside the lab; may be repeated
        #[arg(long, value_name = "HOST")]
        allow: Vec<String>,
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// List who exists in the local clouds
    Callers,
    /// Bad weather on request
    #[command(subcommand)]
    Fault(FaultCommand),
}

#[derive(Debug, Subcommand)]
pub enum FaultCommand {
    /// Add a fault to the running local clouds
    #[command(
        after_help = "Examples:\n  lab cloud fault set --cloud aws --service s3 throttle 1\n  \
        lab cloud fault set latency 200\n  lab cloud fault set --cloud azure outage"
    )]
    Set {
        #[arg(long)]
        cloud: Option<String>,
        #[arg(long)]
        service: Option<String>,
        #[arg(long)]
        operation: Option<String>,
        #[arg(value_parser = ["latency", "throttle", "errors", "deny", "lost-answer", "outage"])]
        effect: String,
        /// Milliseconds, calls a second, or percent
        amount: Option<f64>,
    },
    /// Remove all faults
    Clear,
    /// List the faults in force
    List,
}

#[derive(Debug, Subcommand)]
pub enum Lesson {
    /// List the lessons
    List,
    /// Tell a lesson's story and what is to be found
    Show { name: String },
    /// Check answers and effects; each wrong answer makes the hint grow
    #[command(
        after_help = "Example:\n  lab lesson check first-drift --answer first_use=2026-01-02T14:01:55Z"
    )]
    Check {
        name: String,
        /// May be repeated
        #[arg(long, value_name = "KEY=VALUE")]
        answer: Vec<String>,
    },
}
