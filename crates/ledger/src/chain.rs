//! The chain: every entry's hash covers the one before it, so that nothing in the middle can be
//! edited, removed or moved without the rest saying so.
//!
//! `hash = SHA-256(prev, seq, time, kind, key, body)`, in lower-case hex. Each part is preceded
//! by its length as eight bytes, big-endian, so that no two lists of parts read alike; `seq` is
//! written in decimal digits; the first `prev` is [`NOTHING_BEFORE`]. Anybody can follow it with
//! any SHA-256 and the text of the six columns.

use sha2::{Digest, Sha256};
use std::fmt;

/// What the first entry follows: as many zeros as a hash has digits.
pub const NOTHING_BEFORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// How many bytes may be hashed to find out where a moved entry once stood.
const MOVED_WORK: usize = 64 << 20;

/// One entry as it is stored. Bytes, because what comes out of a file need not be text.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub seq: i64,
    pub time: &'a [u8],
    pub kind: &'a [u8],
    pub key: &'a [u8],
    pub body: &'a [u8],
    pub prev: &'a [u8],
    pub hash: &'a [u8],
}

impl Row<'_> {
    /// What its hash is to be, by everything else that it holds.
    pub fn expected_hash(&self) -> String {
        self.hash_at(self.seq)
    }

    fn hash_at(&self, seq: i64) -> String {
        let seq = seq.to_string();
        let mut hasher = Sha256::new();
        for part in [self.prev, seq.as_bytes(), self.time, self.kind, self.key, self.body] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hex::encode(hasher.finalize())
    }

    /// The place for which its hash is right, where that is another than it has.
    fn moved_from(&self, rows: i64) -> Option<i64> {
        let tries = MOVED_WORK / (self.body.len() + 256);
        (1..=rows).take(tries).find(|seq| self.hash_at(*seq).as_bytes() == self.hash)
    }
}

/// The first entry at which a chain breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The place in the chain.
    pub seq: i64,
    /// What stands there; none where nothing does.
    pub entry: Option<Named>,
    pub fault: Fault,
}

/// Which entry, in words that may be shown: never its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub kind: String,
    pub key: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What it holds is not what was hashed.
    Edited,
    /// Nothing has this number; `next` is the one that follows.
    Removed { next: i64 },
    /// It is whole, and once had another number.
    Reordered { from: i64 },
    /// Whole in itself, and written after something else than what stands before it.
    WrongLink,
    /// A number that no entry gets.
    WrongNumber,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.seq.saturating_sub(1);
        write!(f, "entry {}", self.seq)?;
        if let Some(Named { kind, key }) = &self.entry {
            write!(f, " ({kind} {key})")?;
        }
        match &self.fault {
            Fault::Edited => write!(f, " was edited: its hash is not that of what it holds"),
            Fault::Removed { next } => {
                write!(f, " is not there, and entry {next} is: it was removed")
            }
            Fault::Reordered { from } => {
                write!(f, " was moved: by its hash it is entry {from}, the order was changed")
            }
            Fault::WrongLink => write!(
                f,
                " does not follow entry {before}: it carries another hash than that of what \
                 stands before it, so one of the two was written anew"
            ),
            Fault::WrongNumber => write!(f, " has a number that no entry is given"),
        }
    }
}

/// Walks a chain from its beginning, row by row.
#[derive(Debug)]
pub struct Walk {
    rows: i64,
    seen: i64,
    hash: String,
}

impl Walk {
    /// `rows`: how many there are to come.
    pub fn new(rows: i64) -> Self {
        Walk { rows, seen: 0, hash: NOTHING_BEFORE.to_owned() }
    }

    /// Rows come in the order of their numbers.
    pub fn step(&mut self, row: &Row<'_>) -> Result<(), Broken> {
        let due = self.seen.saturating_add(1);
        let named = Named { kind: shown(row.kind), key: shown(row.key) };
        let broken = |fault| Broken { seq: row.seq, entry: Some(named.clone()), fault };
        if row.seq < due {
            return Err(broken(Fault::WrongNumber));
        }
        if row.seq > due {
            let fault = Fault::Removed { next: row.seq };
            return Err(Broken { seq: due, entry: None, fault });
        }
        if row.expected_hash().as_bytes() != row.hash {
            let moved = row.moved_from(self.rows);
            return Err(broken(moved.map_or(Fault::Edited, |from| Fault::Reordered { from })));
        }
        if row.prev != self.hash.as_bytes() {
            return Err(broken(Fault::WrongLink));
        }
        self.seen = due;
        self.hash = String::from_utf8_lossy(row.hash).into_owned();
        Ok(())
    }

    /// How many rows were walked.
    pub fn seen(&self) -> u64 {
        self.seen.unsigned_abs()
    }

    /// The hash that they lead to.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// Foreign bytes as they may stand in a message: one line, and not a long one.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 160;
    let text = String::from_utf8_lossy(bytes);
    let mut line: String = text.escape_debug().take(LONGEST).collect();
    if text.escape_debug().nth(LONGEST).is_some() {
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hash_is_that_of_the_written_rule() {
        let row = Row {
            seq: 1,
            time: b"2026-01-02T03:04:05.678Z",
            kind: b"plan",
            key: b"k",
            body: b"{}",
            prev: NOTHING_BEFORE.as_bytes(),
            hash: b"",
        };
        let mut by_hand = Vec::new();
        by_hand.extend([0, 0, 0, 0, 0, 0, 0, 64]);
        by_hand.extend([b'0'; 64]);
        by_hand.extend(b"\0\0\0\0\0\0\0\x011");
        by_hand.extend(b"\0\0\0\0\0\0\0\x182026-01-02T03:04:05.678Z");
        by_hand.extend(b"\0\0\0\0\0\0\0\x04plan");
        by_hand.extend(b"\0\0\0\0\0\0\0\x01k");
        by_hand.extend(b"\0\0\0\0\0\0\0\x02{}");
        assert_eq!(row.expected_hash(), hex::encode(Sha256::digest(&by_hand)));
    }

    #[test]
    fn what_is_shown_is_one_short_line() {
        assert_eq!(shown(b"a\nb\x1b[31m\xff"), "a\\nb\\u{1b}[31m\u{fffd}");
        let long = shown(&[b'x'; 1000]);
        assert!(long.len() < 200 && long.ends_with("..."), "{long}");
    }
}
