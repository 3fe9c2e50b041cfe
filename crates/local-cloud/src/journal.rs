//! An append-only file of checked lines.
//!
//! Each line is `crc32 length json`, and each checksum goes on from the one before it, so
//! that a line that is gone is noticed too. A line is written before the answer that depends on it
//! is given, so a process that is killed loses nothing it has answered for. A last
//! line without its end is what a kill in the middle of a write leaves: it is dropped. Damage anywhere
//! before it is not ours to guess about: the journal is refused, with the line's number.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub struct Journal {
    file: File,
    length: u64,
    /// The checksum of the last line.
    chain: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{path}: {cause}")]
    Io { path: PathBuf, cause: io::Error },
    #[error(
        "{path} line {line} is damaged ({what}); nothing was changed. \
         Move the folder aside, or start over with lab cloud reset"
    )]
    Damaged { path: PathBuf, line: usize, what: &'static str },
}

fn checksum(chain: u32, bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(&chain.to_be_bytes());
    crc.update(bytes);
    crc.sum()
}

fn parse_line(line: &[u8], chain: u32) -> Result<(&[u8], u32), &'static str> {
    let text_end = |from: usize| line[from..].iter().position(|b| *b == b' ').map(|n| from + n);
    let first = text_end(0).ok_or("no checksum")?;
    let second = text_end(first + 1).ok_or("no length")?;
    let number = |bytes: &[u8], radix| {
        std::str::from_utf8(bytes).ok().and_then(|t| u64::from_str_radix(t, radix).ok())
    };
    let crc = number(&line[..first], 16).ok_or("checksum is not a number")?;
    let length = number(&line[first + 1..second], 10).ok_or("length is not a number")?;
    let body = &line[second + 1..];
    if body.len() as u64 != length {
        return Err("length does not fit");
    }
    let own = checksum(chain, body);
    if u64::from(own) != crc {
        return Err("checksum does not fit: it was changed, or a line before it is gone");
    }
    Ok((body, own))
}

impl Journal {
    /// Opens or creates a journal and hands each intact line to `replay`, in order.
    pub fn open(path: &Path, mut replay: impl FnMut(&[u8])) -> Result<Journal, JournalError> {
        let io = |cause| JournalError::Io { path: path.to_owned(), cause };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        // Secrets of the lab's callers lie in it.
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(path).map_err(io)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let (mut at, mut line, mut chain) = (0, 0, 0);
        while at < bytes.len() {
            line += 1;
            let end = bytes[at..].iter().position(|b| *b == b'\n').map(|n| at + n);
            let Some(end) = end else {
                tracing::warn!(path = %path.display(), line, "dropped a torn last line");
                break;
            };
            match parse_line(&bytes[at..end], chain) {
                Ok((body, own)) => {
                    replay(body);
                    (at, chain) = (end + 1, own);
                }
                Err(what) => {
                    return Err(JournalError::Damaged { path: path.to_owned(), line, what });
                }
            }
        }
        file.set_len(at as u64).map_err(io)?;
        file.seek(SeekFrom::End(0)).map_err(io)?;
        Ok(Journal { file, length: at as u64, chain })
    }

    /// Appends one line. On failure (a full disk) the file is brought back to its last
    /// intact line, so that the next append finds a clean end.
    pub fn append(&mut self, body: &[u8]) -> io::Result<()> {
        let own = checksum(self.chain, body);
        let mut line = format!("{own:08x} {} ", body.len()).into_bytes();
        line.extend_from_slice(body);
        line.push(b'\n');
        if let Err(cause) = self.file.write_all(&line) {
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::End(0))?;
            return Err(cause);
        }
        self.length += line.len() as u64;
        self.chain = own;
        Ok(())
    }

    pub fn length(&self) -> u64 {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, bodies: &[&str]) {
        let mut journal = Journal::open(path, |_| {}).unwrap();
        for body in bodies {
            journal.append(body.as_bytes()).unwrap();
        }
    }

    fn read(path: &Path) -> Result<Vec<String>, JournalError> {
        let mut lines = Vec::new();
        Journal::open(path, |b| lines.push(String::from_utf8_lossy(b).into_owned()))?;
        Ok(lines)
    }

    #[test]
    fn a_torn_tail_is_dropped_wherever_it_is_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        write(&path, &["{\"a\":1}", "{\"b\":2}"]);
        let whole = std::fs::read(&path).unwrap();
        let first = whole.iter().position(|b| *b == b'\n').unwrap() + 1;
        for cut in first..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(read(&path).unwrap(), ["{\"a\":1}"], "cut at {cut}");
            write(&path, &["{\"c\":3}"]);
            assert_eq!(read(&path).unwrap(), ["{\"a\":1}", "{\"c\":3}"]);
        }
    }

    #[test]
    fn earlier_damage_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        write(&path, &["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.iter().position(|b| *b == b'2').unwrap();
        bytes[at + 12] ^= 1;
        let second = bytes.iter().position(|b| *b == b'\n').unwrap() + 15;
        bytes[second] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.to_string().contains("line"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "nothing was changed");
    }

    #[test]
    fn a_line_that_is_gone_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        write(&path, &["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        std::fs::write(&path, format!("{}{}", lines[0], lines[2])).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("line 2"));
        // A whole last line with another content is damage, not a torn write.
        std::fs::write(&path, text.replace("\"c\":3", "\"c\":4")).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("line 3"));
    }
}
