//! Condition operators at work.

use crate::context::Context;
use crate::date;
use crate::document::Condition;
use crate::operator::{Operator, Quantifier, Test};
use crate::pattern::{self, Token, Variables};
use std::cmp::Ordering;
use std::net::IpAddr;

/// Whether a condition holds. `variables` is whether the document's version knows them.
///
/// For an absent key: positive operators fail, negated ones hold, `IfExists` and `ForAllValues`
/// hold, `ForAnyValue` fails (guide, "IAM JSON policy elements: Condition operators").
///
/// A variable without value equals nothing, so that inverted operators hold (guide, "Policy
/// variables with no value"). The guide does not say what a value does that its operator cannot
/// read, a word where a number belongs: here it equals nothing, too.
pub(crate) fn holds(condition: &Condition, context: &Context, variables: bool) -> bool {
    let Operator { quantifier, test, if_exists } = condition.operator;
    let present = context.get(&condition.key);
    if test == Test::Null {
        let wanted_absent = |value: &String| value.eq_ignore_ascii_case("true");
        return condition.values.iter().any(|value| wanted_absent(value) == present.is_empty());
    }
    if present.is_empty() {
        return match quantifier {
            _ if if_exists => true,
            Some(Quantifier::ForAllValues) => true,
            Some(Quantifier::ForAnyValue) => false,
            None => test.is_negated(),
        };
    }
    let variables = (variables && test.takes_variables()).then_some(context);
    let wanted: Vec<Wanted> =
        condition.values.iter().filter_map(|value| Wanted::read(test, value, variables)).collect();
    let passes = |value: &String| {
        let hit = wanted.iter().any(|wanted| wanted.accepts(test, value));
        hit != test.is_negated()
    };
    match quantifier {
        Some(Quantifier::ForAllValues) => present.iter().all(passes),
        Some(Quantifier::ForAnyValue) => present.iter().any(passes),
        // AWS calls several values without a quantifier undefined: any of them for a positive
        // test, none of them for a negated one.
        None if test.is_negated() => present.iter().all(passes),
        None => present.iter().any(passes),
    }
}

/// A value of the policy, read as its operator reads it. One that cannot be read (a word where a
/// date belongs, a variable without value) matches nothing.
enum Wanted {
    Text(String),
    Pattern(Vec<Token>),
    Number(f64),
    Date(date::Instant),
    Bool(bool),
    Network(IpAddr, u8),
}

impl Wanted {
    fn read(test: Test, text: &str, variables: Variables<'_>) -> Option<Wanted> {
        use Test::*;
        Some(match test {
            StringEquals
            | StringNotEquals
            | StringEqualsIgnoreCase
            | StringNotEqualsIgnoreCase
            | BinaryEquals => Wanted::Text(pattern::bind_literal(text, variables)?),
            StringLike | StringNotLike | ArnEquals | ArnLike | ArnNotEquals | ArnNotLike => {
                Wanted::Pattern(pattern::bind(text, variables)?)
            }
            NumericEquals
            | NumericNotEquals
            | NumericLessThan
            | NumericLessThanEquals
            | NumericGreaterThan
            | NumericGreaterThanEquals => Wanted::Number(number(text)?),
            DateEquals
            | DateNotEquals
            | DateLessThan
            | DateLessThanEquals
            | DateGreaterThan
            | DateGreaterThanEquals => Wanted::Date(date::parse(text)?),
            Bool | Null => Wanted::Bool(boolean(text)?),
            IpAddress | NotIpAddress => {
                let (address, bits) = network(text)?;
                Wanted::Network(address, bits)
            }
        })
    }

    fn accepts(&self, test: Test, value: &str) -> bool {
        use Test::*;
        match self {
            Wanted::Text(own) => match test {
                StringEqualsIgnoreCase | StringNotEqualsIgnoreCase => {
                    own.to_lowercase() == value.to_lowercase()
                }
                _ => own == value,
            },
            Wanted::Pattern(tokens) => match test {
                StringLike | StringNotLike => pattern::matches(tokens, value),
                _ => pattern::matches_arn(tokens, value),
            },
            Wanted::Number(own) => {
                number(value).and_then(|v| v.partial_cmp(own)).is_some_and(|o| ordered(test, o))
            }
            Wanted::Date(own) => date::parse(value).is_some_and(|v| ordered(test, v.cmp(own))),
            Wanted::Bool(own) => boolean(value) == Some(*own),
            Wanted::Network(address, bits) => {
                value.parse().is_ok_and(|value| contains(*address, *bits, value))
            }
        }
    }
}

fn ordered(test: Test, value_to_own: Ordering) -> bool {
    use Test::*;
    match test {
        NumericLessThan | DateLessThan => value_to_own.is_lt(),
        NumericLessThanEquals | DateLessThanEquals => value_to_own.is_le(),
        NumericGreaterThan | DateGreaterThan => value_to_own.is_gt(),
        NumericGreaterThanEquals | DateGreaterThanEquals => value_to_own.is_ge(),
        _ => value_to_own.is_eq(),
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// `203.0.113.0/24`, or one address.
pub(crate) fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some((address, bits))
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let same_prefix = |a: u128, b: u128, width: u32| {
        let rest = width - u32::from(bits);
        rest >= width || a >> rest == b >> rest
    };
    match (network, address) {
        (IpAddr::V4(n), IpAddr::V4(a)) => same_prefix(n.to_bits().into(), a.to_bits().into(), 32),
        (IpAddr::V6(n), IpAddr::V6(a)) => same_prefix(n.to_bits(), a.to_bits(), 128),
        _ => false,
    }
}
