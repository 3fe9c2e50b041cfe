//! `lab lesson list | show | check`

use crate::args::{Global, Lesson, OutputFormat};
use crate::config::Config;
use crate::desk::Desk;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use crate::progress::Bar;
use crate::shipped::{self, DeskStage};
use lessons::{Memory, Verdict, check};
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
        _ => lessons.iter().map(|l| format!("{:<14} {}\n", l.name, l.title)).collect(),
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
    let mut text = String::new();
    for verdict in verdicts {
        let lines = match verdict {
            Verdict::Right { key } => format!("right     {key}\n"),
            Verdict::Wrong { key, hint } => format!("wrong     {key}\n          hint: {hint}\n"),
            Verdict::Open { key, ask, hint } => match hint {
                Some(hint) => format!("open      {key}: {ask}\n          hint: {hint}\n"),
                None => format!("open      {key}: {ask}\n"),
            },
            Verdict::Done { what } => format!("done      {what}\n"),
            Verdict::NotDone { what, seen } => format!("not yet   {what}\n          {seen}\n"),
        };
        text.push_str(&lines);
    }
    let solved = verdicts.iter().filter(|v| v.is_solved()).count();
    text.push_str(&format!("\n{solved} of {} solved\n", verdicts.len()));
    if solved == verdicts.len() {
        text.push_str(&format!("Lesson {} is solved.\n", lesson.name));
    } else {
        text.push_str(&format!(
            "Next: lab lesson show {0}, then lab lesson check {0} --answer KEY=VALUE\n",
            lesson.name
        ));
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
