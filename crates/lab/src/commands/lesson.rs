//! `lab lesson list | show | check`

use crate::args::{Global, Lesson, OutputFormat};
use crate::config::Config;
use crate::desk::Desk;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use crate::progress::Bar;
use crate::shipped::{self, DeskStage};
use lessons::{Memory, Verdict, check};
use report::screen::{Lead, Piece, Screen};
use std::collections::BTreeMap;

pub async fn run(command: Lesson, config: &Config, global: &Global) -> Outcome {
    match command {
        Lesson::List => list(config, global),
        Lesson::Show { name } => show(&name, global),
        Lesson::Check { name, answer } => check_answers(&name, &answer, config, global).await,
    }
}

fn find(name: &str) -> Result<lessons::Lesson, Failure> {
    let all = shipped::lessons()?;
    let known: Vec<String> = all.iter().map(|l| l.name.clone()).collect();
    all.into_iter().find(|l| l.name == name).ok_or_else(|| {
        Failure::usage(format!("there is no lesson {name}"))
            .hint(format!("known lessons: {}", known.join(", ")))
    })
}

/// Columns that a lesson's name takes.
pub const NAME: usize = 15;
/// Columns that a verdict takes.
const VERDICT: usize = 10;

/// A word at the left, and a paragraph beside it.
pub fn row(screen: &mut Screen, from: usize, word: &str, indent: usize, text: &str) {
    screen.paragraph(Lead::label(from, Piece::plain(word), indent), &[Piece::plain(text)], None);
}

fn list(config: &Config, global: &Global) -> Outcome {
    let lessons = shipped::lessons()?;
    let text = match config.format {
        OutputFormat::Json => {
            let all: Vec<_> = lessons
                .iter()
                .map(|l| serde_json::json!({"name": l.name, "title": l.title}))
                .collect();
            format!("{}\n", serde_json::to_string_pretty(&all)?)
        }
        _ => {
            let mut screen = Screen::new(output::width(), false);
            for lesson in &lessons {
                row(&mut screen, 0, &lesson.name, NAME, &lesson.title);
            }
            screen.finish()
        }
    };
    output::answer(text.as_bytes(), global.output.as_deref())?;
    Ok(Exit::Clean)
}

fn show(name: &str, global: &Global) -> Outcome {
    let lesson = find(name)?;
    output::answer(lesson.story.as_bytes(), global.output.as_deref())?;
    Ok(Exit::Clean)
}

async fn check_answers(name: &str, given: &[String], config: &Config, global: &Global) -> Outcome {
    let lesson = find(name)?;
    let answers = parse(given, &lesson)?;
    let bar = Bar::new(global.quiet);
    let desk = Desk::open(config, "lab lesson check").await?;
    let outcome = on_desk(&lesson, &answers, &desk, &bar).await;
    desk.close().await;
    drop(bar);
    let verdicts = outcome?;
    let text = match config.format {
        OutputFormat::Json => as_json(&verdicts)?,
        _ => as_text(&lesson, &verdicts),
    };
    output::answer(text.as_bytes(), global.output.as_deref())?;
    let solved = verdicts.iter().all(Verdict::is_solved);
    Ok(if solved { Exit::Clean } else { Exit::Findings })
}

fn parse(given: &[String], lesson: &lessons::Lesson) -> Result<BTreeMap<String, String>, Failure> {
    let mut answers = BTreeMap::new();
    for text in given {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--answer {text}: expected KEY=VALUE")))?;
        if !lesson.questions.iter().any(|q| q.key == key) {
            let known: Vec<&str> = lesson.questions.iter().map(|q| q.key.as_str()).collect();
            return Err(Failure::usage(format!("{} does not ask for {key}", lesson.name))
                .hint(format!("it asks for {}", known.join(", "))));
        }
        answers.insert(key.to_owned(), value.to_owned());
    }
    Ok(answers)
}

async fn on_desk(
    lesson: &lessons::Lesson,
    answers: &BTreeMap<String, String>,
    desk: &Desk,
    bar: &Bar,
) -> Result<Vec<Verdict>, Failure> {
    shipped::prepare(desk, bar).await?;
    let key = format!("lesson/{}", lesson.name);
    let mut memory: Memory =
        desk.note(&key).await?.and_then(|v| serde_json::from_value(v).ok()).unwrap_or_default();
    let stage = DeskStage::new(desk);
    let told = shipped::laid_out_at(desk).await?;
    let verdicts = check(lesson, &stage, told, answers, &mut memory).await?;
    desk.put_note(&key, serde_json::to_value(&memory)?).await?;
    Ok(verdicts)
}

fn as_text(lesson: &lessons::Lesson, verdicts: &[Verdict]) -> String {
    let mut screen = Screen::new(output::width(), false);
    let mut line = |word: &str, text: &str| row(&mut screen, 0, word, VERDICT, text);
    for verdict in verdicts {
        match verdict {
            Verdict::Right { key } => line("right", key),
            Verdict::Wrong { key, hint } => {
                line("wrong", key);
                line("", &format!("hint: {hint}"));
            }
            Verdict::Open { key, ask, hint } => {
                line("open", &format!("{key}: {ask}"));
                if let Some(hint) = hint {
                    line("", &format!("hint: {hint}"));
                }
            }
            Verdict::Done { what } => line("done", what),
            Verdict::NotDone { what, seen } => {
                line("not yet", what);
                line("", seen);
            }
        }
    }
    let solved = verdicts.iter().filter(|v| v.is_solved()).count();
    screen.blank();
    screen.line(&[Piece::plain(format!("{solved} of {} solved", verdicts.len()))]);
    let mut text = screen.finish();
    let name = &lesson.name;
    match solved == verdicts.len() {
        true => text.push_str(&format!("Lesson {name} is solved.\n")),
        false => text.push_str(&format!(
            "Next: lab lesson show {name}\n      lab lesson check {name} --answer KEY=VALUE\n"
        )),
    }
    text
}

fn as_json(verdicts: &[Verdict]) -> Result<String, Failure> {
    let all: Vec<_> = verdicts
        .iter()
        .map(|v| match v {
            Verdict::Right { key } => serde_json::json!({"answer": key, "state": "right"}),
            Verdict::Wrong { key, hint } => {
                serde_json::json!({"answer": key, "state": "wrong", "hint": hint})
            }
            Verdict::Open { key, ask, hint } => {
                serde_json::json!({"answer": key, "state": "open", "ask": ask, "hint": hint})
            }
            Verdict::Done { what } => serde_json::json!({"effect": what, "state": "done"}),
            Verdict::NotDone { what, seen } => {
                serde_json::json!({"effect": what, "state": "not_done", "seen": seen})
            }
        })
        .collect();
    Ok(format!("{}\n", serde_json::to_string_pretty(&all)?))
}
