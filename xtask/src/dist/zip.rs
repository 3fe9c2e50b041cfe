//! A zip that holds one program, with nothing in it that differs from one day to the next
//! (PKWARE, ".ZIP File Format Specification", APPNOTE.TXT 4.3).

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::Write;

/// The first day that the format knows: 1 January 1980, midnight.
const DATE: u16 = 1 << 5 | 1;
/// Version 2.0, made on Unix: only then the mode below counts.
const MADE_BY: u16 = 3 << 8 | 20;
const NEEDS: u16 = 20;
const DEFLATED: u16 = 8;
/// A regular file that everybody may run.
const MODE: u32 = 0o100_755 << 16;

pub fn one_program(name: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut crc = Crc::new();
    crc.update(bytes);
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).map_err(|e| e.to_string())?;
    let packed = packed.finish().map_err(|e| e.to_string())?;
    let size = |n: usize| u32::try_from(n).map_err(|_| "larger than a zip holds".to_owned());
    let length = u16::try_from(name.len()).map_err(|e| e.to_string())?;

    // What the file's own header and the directory's have in common.
    let mut common = Vec::new();
    for word in [NEEDS, 0, DEFLATED, 0, DATE] {
        common.extend(word.to_le_bytes());
    }
    for number in [crc.sum(), size(packed.len())?, size(bytes.len())?] {
        common.extend(number.to_le_bytes());
    }
    common.extend(length.to_le_bytes());
    common.extend(0_u16.to_le_bytes());

    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&common);
    zip.extend(name.as_bytes());
    zip.extend(&packed);

    let directory = size(zip.len())?;
    zip.extend(b"PK\x01\x02");
    zip.extend(MADE_BY.to_le_bytes());
    zip.extend(&common);
    // No comment, first disk, no internal attributes.
    zip.extend([0; 6]);
    zip.extend(MODE.to_le_bytes());
    zip.extend(0_u32.to_le_bytes());
    zip.extend(name.as_bytes());
    let length = size(zip.len())? - directory;

    zip.extend(b"PK\x05\x06");
    for word in [0_u16, 0, 1, 1] {
        zip.extend(word.to_le_bytes());
    }
    zip.extend(length.to_le_bytes());
    zip.extend(directory.to_le_bytes());
    zip.extend(0_u16.to_le_bytes());
    Ok(zip)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody else's reader: Python's, which every machine of ours has.
    #[test]
    fn another_reader_finds_the_program_and_its_mode() {
        let program = b"#!/bin/sh\nexit 7\n".repeat(100);
        let zip = one_program("bootstrap", &program).unwrap();
        assert_eq!(zip, one_program("bootstrap", &program).unwrap());
        let path = std::env::temp_dir().join(format!("dist-{}.zip", std::process::id()));
        std::fs::write(&path, &zip).unwrap();
        let script = "import sys, zipfile\n\
                      z = zipfile.ZipFile(sys.argv[1])\n\
                      assert z.testzip() is None\n\
                      (i,) = z.infolist()\n\
                      print(i.filename, oct(i.external_attr >> 16), i.file_size, i.date_time)";
        let told =
            std::process::Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
        std::fs::remove_file(&path).unwrap();
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        assert_eq!(told.trim(), "bootstrap 0o100755 1700 (1980, 1, 1, 0, 0, 0)");
    }
}
