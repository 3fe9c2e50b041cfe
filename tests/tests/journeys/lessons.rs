//! The first lesson, as a learner goes through it.

use journeys::lab::Lab;

#[test]
fn a_wrong_answer_makes_the_hint_grow() {
    let lab = Lab::default();
    let shown = lab.run(&["lesson", "show", "first-drift"]).expect(0);
    assert!(shown.stdout.contains("first_use"));
    let check = |answer: &str| {
        lab.run(&["lesson", "check", "first-drift", "--answer", answer]).expect(2).stdout
    };
    let first = check("first_use=2020-01-01T00:00:00Z");
    assert!(first.contains("wrong") && first.contains("hint"), "{first}");
    let second = check("first_use=2020-01-01T00:00:00Z");
    assert!(second.len() > first.len(), "the hint did not grow:\n{first}\n{second}");
    let open = lab.run(&["lesson", "check", "first-drift", "--format", "json"]).expect(2).json();
    let states: Vec<&str> =
        open.as_array().unwrap().iter().map(|v| v["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"open") && states.contains(&"not_done"), "{open:#}");
}

#[test]
fn the_answers_lie_in_the_records() {
    let lab = Lab::default();
    lab.run(&["run", "drift-check", "-q"]).expect(2);
    let holders = lab
        .run(&[
            "lesson",
            "check",
            "first-drift",
            "--answer",
            "key_holders=dana.ortiz@example.com, a7e4d92a-7c2e-4d66-a87a-0b56ca14e015",
        ])
        .expect(2);
    assert!(holders.stdout.contains("right     key_holders"), "{}", holders.stdout);
    assert!(holders.stdout.contains("not yet   nobody outside reads acme-exports"));
}

/// A check leaves records of its own; the questions are about the story, and the same answer
/// stays right however often it is given.
#[test]
fn a_right_answer_stays_right() {
    let lab = Lab::default();
    for _ in 0..3 {
        let run = lab
            .run(&[
                "lesson",
                "check",
                "first-drift",
                "--answer",
                "what_else=GetBucketPolicy, listusers",
            ])
            .expect(2);
        assert!(run.stdout.contains("right     what_else"), "{}", run.stdout);
    }
}
