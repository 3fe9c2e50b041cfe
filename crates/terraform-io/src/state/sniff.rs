//! What a file is by its first bytes, when it is not JSON.

use crate::error::StateErrorKind;

/// Bytes looked at.
pub const HEAD: usize = 512;
pub const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// `None`: it may be a state. The head has lost its UTF-8 byte order mark already.
pub fn not_a_state(head: &[u8]) -> Option<StateErrorKind> {
    use StateErrorKind::*;
    // Magic numbers from the formats' own documents.
    const MAGIC: &[(&[u8], StateErrorKind)] = &[
        (b"\x1f\x8b", Compressed("gzip")),
        (b"\x28\xb5\x2f\xfd", Compressed("zstd")),
        (b"BZh", Compressed("bzip2")),
        (b"\xfd7zXZ\0", Compressed("xz")),
        (b"PK\x03\x04", PlanFile),
        (b"\xff\xfe", Utf16),
        (b"\xfe\xff", Utf16),
        (b"tfstate", OldVersion(0)),
        (b"Salted__", Encrypted("openssl")),
        (b"age-encryption.org/", Encrypted("age")),
        (b"-----BEGIN AGE ENCRYPTED", Encrypted("age")),
        (b"-----BEGIN PGP MESSAGE", Encrypted("PGP")),
        (b"$ANSIBLE_VAULT", Encrypted("Ansible Vault")),
        (
            b"version https://git-lfs",
            NotAState("a Git LFS pointer (git lfs pull fetches the file)"),
        ),
    ];
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(kind.clone());
    }
    let text = head.trim_ascii_start();
    match text.first() {
        None if head.len() < HEAD => Some(Empty),
        None | Some(b'{') => None,
        Some(b'<') => Some(NotAState("an XML or HTML page, perhaps an error page")),
        Some(b'[') => Some(NotAState("a JSON array")),
        Some(_) if is_configuration(text) => Some(NotAState("Terraform configuration")),
        Some(c) if c.is_ascii_graphic() => Some(NotAState("not JSON")),
        Some(_) => Some(NotAState("binary data")),
    }
}

fn is_configuration(text: &[u8]) -> bool {
    ["terraform {", "resource \"", "provider \"", "module \"", "data \"", "variable \"", "#", "//"]
        .iter()
        .any(|start| text.starts_with(start.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_mistakes_are_recognised() {
        let kind = |head: &[u8]| not_a_state(head).unwrap();
        assert_eq!(kind(b""), StateErrorKind::Empty);
        assert_eq!(kind(b" \n"), StateErrorKind::Empty);
        assert_eq!(kind(b"\x1f\x8b\x08"), StateErrorKind::Compressed("gzip"));
        assert_eq!(kind(b"PK\x03\x04rest"), StateErrorKind::PlanFile);
        assert_eq!(kind(b"\xff\xfe{\0"), StateErrorKind::Utf16);
        assert!(matches!(kind(b"terraform {\n"), StateErrorKind::NotAState(_)));
        assert!(matches!(kind(b"<?xml"), StateErrorKind::NotAState(_)));
        assert_eq!(not_a_state(b"\n {\"version\": 4}"), None);
    }
}
