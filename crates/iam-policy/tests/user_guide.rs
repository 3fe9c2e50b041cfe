//! The evaluation rules of the IAM User Guide as a table of cases; `cases/SOURCE.md` tells where
//! they come from.

mod case;

use case::{Case, answer};

#[test]
fn every_case_is_decided_as_aws_decides_it() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases/user-guide.json")).unwrap();
    assert_eq!(cases.len(), 113);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let got = match case.decide() {
                Ok(decision) => answer(&decision).to_owned(),
                Err(error) => error,
            };
            (got != case.expect)
                .then(|| format!("{}: {} expected, {got} found", case.id, case.expect))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
