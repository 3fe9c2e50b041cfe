//! The evaluation rules of the IAM User Guide as tables of cases; `cases/SOURCE.md` tells where
//! they come from.

mod case;

use case::{Case, answer};

fn all_as_expected(table: &str, count: usize) {
    let cases: Vec<Case> = serde_json::from_str(table).expect("a table of cases");
    assert_eq!(cases.len(), count);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let got = match case.decide() {
                Ok(decision) => answer(&decision).to_owned(),
                Err(error) => error,
            };
            let line = format!("{}: {} expected, {got} found", case.id, case.expect);
            (got != case.expect).then_some(line)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_case_is_decided_as_aws_decides_it() {
    all_as_expected(include_str!("cases/user-guide.json"), 113);
}

#[test]
fn the_corners_stay_as_decided() {
    all_as_expected(include_str!("cases/corners.json"), 31);
}
