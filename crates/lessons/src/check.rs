//! Answers against the records, effects against the clouds.

use crate::error::LessonError;
use crate::lesson::{Answer, During, Effect, Filter, Lesson, Question, Source};
use crate::recorded::Recorded;
use crate::stage::Stage;
use model::event::EventStatus;
use model::{Cloud, Event, Live, Timestamp};
use provider::audit_log::{About, AuditQuery};
use provider::kind::Wanted;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const LOG_READER: &str = "log-reader";
const READER: &str = "drift-reader";
/// A documentation address (RFC 5737) that no caller of the lab has.
const CHECKED_FROM: &str = "192.0.2.250";

/// What is remembered of a learner's tries between commands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    pub solved: BTreeSet<String>,
    pub wrong: BTreeMap<String, usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right {
        key: String,
    },
    Wrong {
        key: String,
        hint: String,
    },
    /// Nobody answered yet.
    Open {
        key: String,
        ask: String,
        hint: Option<String>,
    },
    Done {
        what: String,
    },
    NotDone {
        what: String,
        seen: String,
    },
}

impl Verdict {
    pub fn is_solved(&self) -> bool {
        matches!(self, Verdict::Right { .. } | Verdict::Done { .. })
    }
}

/// Checks what was answered now, remembers it, and looks at the effects. The story ended at
/// `told`; later records are the learner's.
pub async fn check(
    lesson: &Lesson,
    stage: &dyn Stage,
    told: Option<Timestamp>,
    answers: &BTreeMap<String, String>,
    memory: &mut Memory,
) -> Result<Vec<Verdict>, LessonError> {
    let mut verdicts = Vec::new();
    let mut logs: BTreeMap<Cloud, Vec<Event>> = BTreeMap::new();
    let recorded = Recorded::of(stage.ledger().await?);
    for question in &lesson.questions {
        let key = question.key.clone();
        if let Some(given) = answers.get(&key) {
            let right = match &question.source {
                Source::Records { cloud, filter, during, answer } => {
                    if !logs.contains_key(cloud) {
                        logs.insert(cloud.clone(), records(stage, cloud).await?);
                    }
                    let events = logs.get(cloud).into_iter().flatten();
                    let meant = events.filter(|e| during.holds(e, told) && filter.fits(e));
                    is_right(*answer, meant, given)
                }
                Source::Ledger(answer) => recorded.is_right(*answer, given),
            };
            if right {
                memory.solved.insert(key);
            } else {
                memory.solved.remove(&key);
                *memory.wrong.entry(key.clone()).or_default() += 1;
                let hint = hint(question, memory).unwrap_or_default();
                verdicts.push(Verdict::Wrong { key, hint });
                continue;
            }
        }
        verdicts.push(match memory.solved.contains(&question.key) {
            true => Verdict::Right { key: question.key.clone() },
            false => Verdict::Open {
                key: question.key.clone(),
                ask: question.ask.clone(),
                hint: hint(question, memory),
            },
        });
    }
    for effect in &lesson.effects {
        verdicts.push(look(stage, &recorded, effect).await?);
    }
    Ok(verdicts)
}

/// One hint a wrong answer; the last one stays.
fn hint(question: &Question, memory: &Memory) -> Option<String> {
    let wrong = memory.wrong.get(&question.key).copied().unwrap_or(0);
    let told = wrong.min(question.hints.len());
    (told > 0).then(|| question.hints[..told].join(" "))
}

async fn records(stage: &dyn Stage, cloud: &Cloud) -> Result<Vec<Event>, LessonError> {
    let connection = stage.cast(cloud, LOG_READER).await?;
    let query = AuditQuery { from: None, to: None, about: About::Everything };
    let answer =
        connection.audit.query(&query).await.map_err(|e| LessonError::Records(e.to_string()))?;
    let (mut events, _) =
        event_formats::read_records(&answer.records, Some(answer.format), &answer.searched.source);
    events.sort_by_key(|e| e.time);
    Ok(events)
}

impl During {
    fn holds(self, event: &Event, told: Option<Timestamp>) -> bool {
        let of_the_story = told.is_none_or(|told| event.time <= told);
        of_the_story == (self == During::Story)
    }
}

impl Filter {
    fn fits(&self, event: &Event) -> bool {
        let ends = |end: &str| event.operation.to_lowercase().ends_with(&end.to_lowercase());
        let part = |part: &str| {
            let part = part.to_lowercase();
            event.resources.iter().any(|r| r.uid.to_lowercase().contains(&part))
        };
        self.source.as_deref().is_none_or(|s| event.source.as_deref() == Some(s))
            && self.principal.as_deref().is_none_or(|p| event.principal.name == p)
            && self.operation.as_deref().is_none_or(ends)
            && !self.except.iter().any(|o| ends(o))
            && self.resource.as_deref().is_none_or(part)
            && self.succeeded.is_none_or(|wanted| (event.status == EventStatus::Success) == wanted)
    }
}

fn is_right<'a>(answer: Answer, mut meant: impl Iterator<Item = &'a Event>, given: &str) -> bool {
    let given = given.trim();
    let names = |event: &Event| {
        let same_second = |t: Timestamp| t.unix() == event.time.unix();
        event.uid.eq_ignore_ascii_case(given)
            || Timestamp::parse(given).is_some_and(same_second)
            || event.time.clock_text() == given
    };
    match answer {
        Answer::First => meant.next().is_some_and(names),
        Answer::Any => meant.any(names),
        Answer::Operations => same_set(meant.map(|e| e.operation.as_str()), given),
        Answer::Principals => same_set(meant.map(|e| e.principal.name.as_str()), given),
    }
}

fn same_set<'a>(meant: impl Iterator<Item = &'a str>, given: &str) -> bool {
    let meant: BTreeSet<String> = meant.map(str::to_lowercase).collect();
    let given: BTreeSet<String> =
        given.split(',').map(|s| s.trim().to_lowercase()).filter(|s| !s.is_empty()).collect();
    !meant.is_empty() && meant == given
}

async fn look(
    stage: &dyn Stage,
    recorded: &Recorded,
    effect: &Effect,
) -> Result<Verdict, LessonError> {
    let what = effect.what().to_owned();
    let not_done = |seen: String| Ok(Verdict::NotDone { what: what.clone(), seen });
    match effect {
        Effect::Closed { cloud, kind, id, .. } => {
            let reader = stage.cast(cloud, READER).await?.reader;
            let live = match reader.read(&Wanted::new(kind.clone(), id)).await {
                Live::Present(live) => live,
                Live::Absent => return Ok(Verdict::Done { what }),
                Live::Unknown(why) => return not_done(format!("not seen: {}", why.detail)),
            };
            match reader.probe(&live).await {
                Ok(Some(p)) if (200..300).contains(&p.status) => {
                    not_done(format!("{} still answers {}", p.asked, p.status))
                }
                Ok(_) => Ok(Verdict::Done { what }),
                Err(error) => not_done(error.to_string()),
            }
        }
        Effect::Locked { cloud, caller, held_at, .. } => {
            // A caller that has no credentials left cannot even be cast.
            let Ok(connection) = stage.cast(cloud, caller).await else {
                return Ok(Verdict::Done { what });
            };
            stage.relocate(cloud, caller, CHECKED_FROM).await?;
            let answer = connection.reader.identity().await;
            stage.relocate(cloud, caller, held_at).await?;
            match answer {
                Ok(identity) => not_done(format!("{} is still let in", identity.principal)),
                Err(e) if e.is(provider::ErrorKind::Credentials) => Ok(Verdict::Done { what }),
                Err(error) => not_done(error.to_string()),
            }
        }
        Effect::Undone { cloud, kind, id, attribute, value, .. } => {
            if !recorded.undone(kind, id) {
                return not_done("the ledger knows of no such undo".to_owned());
            }
            let reader = stage.cast(cloud, READER).await?.reader;
            let live = match reader.read(&Wanted::new(kind.clone(), id)).await {
                Live::Present(live) => live,
                Live::Absent => return not_done("it is not there".to_owned()),
                Live::Unknown(why) => return not_done(format!("not seen: {}", why.detail)),
            };
            match live.attributes.get(attribute) {
                Some(seen) if seen == value => Ok(Verdict::Done { what }),
                Some(seen) => not_done(format!("{attribute} is {}", seen.to_json())),
                None => not_done(format!("{attribute} is not set")),
            }
        }
        Effect::Fixed { remedy, approved, .. } => match recorded.fixed(remedy, *approved) {
            true => Ok(Verdict::Done { what }),
            false => not_done("the ledger knows of no such fix".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_compared_without_order_or_case() {
        assert!(same_set(
            ["ListBuckets", "GetObject", "GetObject"].into_iter(),
            "getobject, ListBuckets"
        ));
        assert!(!same_set(["ListBuckets"].into_iter(), "ListBuckets,GetObject"));
        assert!(!same_set([].into_iter(), ""));
    }
}
