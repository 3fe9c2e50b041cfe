//! What a program for Linux needs of its system: the versions in `.gnu.version_r`
//! (System V ABI, "ELF"; Linux Standard Base, "Symbol Versioning").

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    X86_64,
    Aarch64,
}

pub struct Program {
    pub machine: Machine,
    /// `GLIBC_2.34`, each once and sorted.
    pub needs: Vec<String>,
}

const SHT_GNU_VERNEED: u32 = 0x6fff_fffe;

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn at(&self, offset: usize, length: usize) -> Result<&'a [u8], String> {
        let end = offset.checked_add(length).ok_or("an offset beyond everything")?;
        self.0.get(offset..end).ok_or_else(|| format!("it is cut off before byte {end}"))
    }

    fn u16(&self, offset: usize) -> Result<usize, String> {
        let bytes = self.at(offset, 2)?;
        Ok(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    }

    fn u32(&self, offset: usize) -> Result<u32, String> {
        let bytes = self.at(offset, 4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn size(&self, offset: usize) -> Result<usize, String> {
        let (low, high) = (self.u32(offset)?, self.u32(offset + 4)?);
        usize::try_from(u64::from(low) | (u64::from(high) << 32)).map_err(|e| e.to_string())
    }

    fn text(&self, offset: usize) -> Result<String, String> {
        let rest = self.0.get(offset..).ok_or("a name beyond the end")?;
        let end = rest.iter().position(|b| *b == 0).ok_or("a name without an end")?;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }
}

/// Reads a 64-bit little-endian program.
pub fn read(bytes: &[u8]) -> Result<Program, String> {
    let elf = Bytes(bytes);
    if elf.at(0, 6)? != b"\x7fELF\x02\x01" {
        return Err("not a 64-bit program for Linux".to_owned());
    }
    let machine = match elf.u16(18)? {
        62 => Machine::X86_64,
        183 => Machine::Aarch64,
        other => return Err(format!("for machine {other}")),
    };
    let (sections, size, count) = (elf.size(40)?, elf.u16(58)?, elf.u16(60)?);
    let mut needs = Vec::new();
    for number in 0..count {
        let header = sections.checked_add(number * size).ok_or("a section beyond everything")?;
        if elf.u32(header + 4)? != SHT_GNU_VERNEED {
            continue;
        }
        let names = elf.u32(header + 40)? as usize;
        let names = elf.size(sections + names * size + 24)?;
        let (mut file, files) = (elf.size(header + 24)?, elf.u32(header + 44)?);
        for _ in 0..files {
            let mut need = file + elf.u32(file + 8)? as usize;
            for _ in 0..elf.u16(file + 2)? {
                needs.push(elf.text(names + elf.u32(need + 8)? as usize)?);
                need += elf.u32(need + 12)? as usize;
            }
            file += elf.u32(file + 12)? as usize;
        }
    }
    needs.sort();
    needs.dedup();
    Ok(Program { machine, needs })
}
