//! The lessons, as a learner goes through them.

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

/// Every lesson has something to solve, as it is given.
#[test]
fn every_lesson_is_told_and_unsolved_as_given() {
    let lab = Lab::default();
    let list = lab.run(&["lesson", "list", "--format", "json"]).expect(0).json();
    let lessons = list.as_array().unwrap();
    assert_eq!(lessons.len(), 2, "{list:#}");
    for lesson in lessons {
        let name = lesson["name"].as_str().unwrap();
        let told = lab.run(&["lesson", "show", name]).expect(0);
        let checked = lab.run(&["lesson", "check", name]).expect(2);
        for line in told.stdout.lines().chain(checked.stdout.lines()) {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
        assert!(checked.stdout.contains("0 of "), "{}", checked.stdout);
    }
    for arguments in [&["lesson", "list"][..], &["list"]] {
        for line in lab.run(arguments).expect(0).stdout.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

/// The way that the story tells: a yes, a plan that no longer fits, a new one, an undo; and the
/// answers out of the ledger.
#[test]
fn fix_and_undo_is_solved_by_its_solution() {
    let lab = Lab::default();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../labs/02-fix-and-undo/solution/solve.sh");
    let mut command = std::process::Command::new("bash");
    command.arg(script).current_dir(lab.path());
    for (name, value) in lab.command(&[]).get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("LAB_BIN", journeys::lab::binary());
    let run = journeys::lab::finish(command).expect(0);
    for said in [
        "error: plan",
        "nothing was applied",
        "undone   azurerm_storage_account.reports",
        "was not taken back: the cloud refuses it",
        "10 of 10 solved",
    ] {
        assert!(run.stdout.contains(said) || run.stderr.contains(said), "{said}: {run:#?}");
    }
}

/// A yes, a refusal and an undo count only where the ledger has them.
#[test]
fn what_the_ledger_does_not_hold_is_not_solved() {
    let lab = Lab::default();
    let check = |answer: &str| {
        lab.run(&["lesson", "check", "fix-and-undo", "--answer", answer]).expect(2).stdout
    };
    for answer in ["unused_plan=00000000", "before=1", "head=1:00000000", "moved_by=0000"] {
        let said = check(answer);
        let key = answer.split('=').next().unwrap();
        assert!(said.contains(&format!("wrong     {key}")), "{said}");
    }
    let said = check("before=1");
    assert!(
        said.contains("not yet   the storage account allows what tomorrow's demo needs"),
        "{said}"
    );
    // The doors that an apply shuts are shut; what nobody said yes to is not done.
    let plan = lab.run(&["run", "remediate", "--format", "json"]).expect(2).json();
    let hash = plan["hash"].as_str().unwrap();
    lab.run(&["run", "remediate", "--apply", "--plan", hash]).expect(2);
    let said = check("before=1");
    assert!(said.contains("done      nobody outside reads acme-exports"), "{said}");
    assert!(said.contains("not yet   the leaked key of ci-deploy opens nothing"), "{said}");
    // Keeping the head is right at any time.
    let head = lab.run(&["ledger", "list", "--format", "json"]).expect(0).json()["head"].clone();
    let head = format!("head={}:{}", head["entries"], head["hash"].as_str().unwrap());
    assert!(check(&head).contains("right     head"));
}
