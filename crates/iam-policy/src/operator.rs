//! Condition operators: their names in a document and what kind of test each is.

use std::fmt;
use std::str::FromStr;

/// A condition operator as written: `ForAllValues:StringLikeIfExists`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operator {
    pub quantifier: Option<Quantifier>,
    pub test: Test,
    pub if_exists: bool,
}

/// How a key with several values is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantifier {
    ForAllValues,
    ForAnyValue,
}

macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        /// The comparison itself, without quantifier and `IfExists`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Test { $($name),* }

        impl Test {
            /// Every operator of the guide.
            pub const ALL: &[Test] = &[$(Test::$name),*];

            /// The name in a document.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Test::$name => stringify!($name)),* }
            }
        }
    };
}

tests! {
    StringEquals, StringNotEquals, StringEqualsIgnoreCase, StringNotEqualsIgnoreCase, StringLike,
    StringNotLike, NumericEquals, NumericNotEquals, NumericLessThan, NumericLessThanEquals,
    NumericGreaterThan, NumericGreaterThanEquals, DateEquals, DateNotEquals, DateLessThan,
    DateLessThanEquals, DateGreaterThan, DateGreaterThanEquals, Bool, BinaryEquals, IpAddress,
    NotIpAddress, ArnEquals, ArnLike, ArnNotEquals, ArnNotLike, Null,
}

impl Test {
    /// Negated operators are true for an absent key, and true only when *no* value matches.
    #[must_use]
    pub fn is_negated(self) -> bool {
        matches!(
            self,
            Test::StringNotEquals
                | Test::StringNotEqualsIgnoreCase
                | Test::StringNotLike
                | Test::NumericNotEquals
                | Test::DateNotEquals
                | Test::NotIpAddress
                | Test::ArnNotEquals
                | Test::ArnNotLike
        )
    }

    /// Policy variables work in string and ARN operators only (guide, "Policy variables").
    #[must_use]
    pub fn takes_variables(self) -> bool {
        self.name().starts_with("String") || self.name().starts_with("Arn")
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quantifier {
            Some(Quantifier::ForAllValues) => f.write_str("ForAllValues:")?,
            Some(Quantifier::ForAnyValue) => f.write_str("ForAnyValue:")?,
            None => {}
        }
        f.write_str(self.test.name())?;
        if self.if_exists { f.write_str("IfExists") } else { Ok(()) }
    }
}

impl FromStr for Operator {
    type Err = ();

    /// Reads the name without regard to case; `NullIfExists` does not exist.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (quantifier, rest) = match text.split_once(':') {
            Some((q, rest)) if q.eq_ignore_ascii_case("ForAllValues") => {
                (Some(Quantifier::ForAllValues), rest)
            }
            Some((q, rest)) if q.eq_ignore_ascii_case("ForAnyValue") => {
                (Some(Quantifier::ForAnyValue), rest)
            }
            Some(_) => return Err(()),
            None => (None, text),
        };
        let lower = rest.to_ascii_lowercase();
        let (name, if_exists) = match lower.strip_suffix("ifexists") {
            Some(name) => (name, true),
            None => (lower.as_str(), false),
        };
        let test =
            *Test::ALL.iter().find(|test| test.name().eq_ignore_ascii_case(name)).ok_or(())?;
        if test == Test::Null && (if_exists || quantifier.is_some()) {
            return Err(());
        }
        Ok(Operator { quantifier, test, if_exists })
    }
}
