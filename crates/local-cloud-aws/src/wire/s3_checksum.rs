//! Checksums: what the client sent is held against the bytes that came.

use crate::wire::s3_error::Refused;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use std::sync::Arc;

/// A checksum algorithm of S3, by the name that answers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

pub const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme, Algorithm::Sha1, Algorithm::Sha256];

impl Algorithm {
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "CRC32",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc64Nvme => "CRC64NVME",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
        }
    }

    fn header(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "x-amz-checksum-crc32",
            Algorithm::Crc32c => "x-amz-checksum-crc32c",
            Algorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Algorithm::Sha1 => "x-amz-checksum-sha1",
            Algorithm::Sha256 => "x-amz-checksum-sha256",
        }
    }

    pub fn parse(name: &str) -> Option<Algorithm> {
        ALGORITHMS.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Of bytes that come piece by piece, in Base64.
    pub fn of_pieces<E>(
        self,
        pieces: impl Iterator<Item = Result<Arc<Vec<u8>>, E>>,
    ) -> Result<String, E> {
        let mut hasher = ChecksumHasher::default();
        match self {
            Algorithm::Crc32 => hasher.crc32 = Some(Crc32::new()),
            Algorithm::Crc32c => hasher.crc32c = Some(Crc32c::new()),
            Algorithm::Crc64Nvme => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Algorithm::Sha1 => hasher.sha1 = Some(Sha1::new()),
            Algorithm::Sha256 => hasher.sha256 = Some(Sha256::new()),
        }
        for piece in pieces {
            hasher.update(&piece?);
        }
        let sum = hasher.finalize();
        let found = match self {
            Algorithm::Crc32 => sum.checksum_crc32,
            Algorithm::Crc32c => sum.checksum_crc32c,
            Algorithm::Crc64Nvme => sum.checksum_crc64nvme,
            Algorithm::Sha1 => sum.checksum_sha1,
            Algorithm::Sha256 => sum.checksum_sha256,
        };
        Ok(found.unwrap_or_default())
    }

    /// Of the bytes, in Base64.
    pub fn of(self, bytes: &[u8]) -> String {
        match self {
            Algorithm::Crc32 => STANDARD.encode(Crc32::checksum(bytes)),
            Algorithm::Crc32c => STANDARD.encode(Crc32c::checksum(bytes)),
            Algorithm::Crc64Nvme => STANDARD.encode(Crc64Nvme::checksum(bytes)),
            Algorithm::Sha1 => STANDARD.encode(Sha1::checksum(bytes)),
            Algorithm::Sha256 => STANDARD.encode(Sha256::checksum(bytes)),
        }
    }
}

/// The checksum that came along, in a header or behind the body.
pub fn sent(headers: &HeaderMap) -> Result<Option<(Algorithm, String)>, Refused> {
    let mut found = ALGORITHMS.into_iter().filter_map(|algorithm| {
        let value = headers.get(algorithm.header())?.to_str().ok()?;
        Some((algorithm, value.to_owned()))
    });
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(Refused::new(
            "InvalidRequest",
            400,
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )),
        (found, None) => Ok(found),
    }
}

/// Holds the bytes to a checksum.
pub fn verify(algorithm: Algorithm, value: &str, bytes: &[u8]) -> Result<(), Refused> {
    let actual = algorithm.of(bytes);
    if STANDARD.decode(value).map(|v| v.len()) != STANDARD.decode(&actual).map(|v| v.len()) {
        let message = format!("Value for {} header is invalid.", algorithm.header());
        return Err(Refused::new("InvalidRequest", 400, message));
    }
    if actual == value {
        return Ok(());
    }
    let message =
        format!("The {} you specified did not match the calculated checksum.", algorithm.name());
    Err(Refused::new("BadDigest", 400, message))
}

pub fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::checksum(bytes)
}

/// Of bytes that come piece by piece.
pub fn md5_of_pieces<E>(
    pieces: impl Iterator<Item = Result<Arc<Vec<u8>>, E>>,
) -> Result<[u8; 16], E> {
    let mut sum = Md5::new();
    for piece in pieces {
        sum.update(&piece?);
    }
    Ok(sum.finalize())
}

/// Holds the bytes to a Content-MD5 header.
pub fn verify_md5(headers: &HeaderMap, bytes: &[u8]) -> Result<(), Refused> {
    let Some(value) = headers.get("content-md5") else { return Ok(()) };
    let invalid =
        || Refused::new("InvalidDigest", 400, "The Content-MD5 you specified was invalid.");
    let value = value.to_str().map_err(|_| invalid())?;
    let sent = STANDARD.decode(value).ok().filter(|sent| sent.len() == 16).ok_or_else(invalid)?;
    if sent == md5(bytes) {
        return Ok(());
    }
    let message = "The Content-MD5 you specified did not match what we received.";
    Err(Refused::new("BadDigest", 400, message))
}

/// Holds a whole document to everything that was sent with it.
pub fn check_document(headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
    // What comes in chunks is taken apart, and held to its chunks' signatures, further in.
    if headers.contains_key("x-amz-decoded-content-length") {
        return Ok(());
    }
    let declared = headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
    if let Some(declared) = declared.filter(|declared| declared.len() == 64)
        && !declared.eq_ignore_ascii_case(&hex::encode(Sha256::checksum(body)))
    {
        return Err(content_mismatch());
    }
    verify_md5(headers, body)?;
    match sent(headers)? {
        Some((algorithm, value)) => verify(algorithm, &value, body),
        None => Ok(()),
    }
}

pub fn content_mismatch() -> Refused {
    let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    Refused::new("XAmzContentSHA256Mismatch", 400, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Check values of the catalogue of parametrised CRC algorithms, over "123456789".
    #[test]
    fn crcs_are_the_catalogued_ones() {
        let rows = [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
        ];
        for (algorithm, check) in rows {
            let expected = STANDARD.encode(hex::decode(check).unwrap());
            assert_eq!(algorithm.of(b"123456789"), expected, "{}", algorithm.name());
        }
    }

    #[test]
    fn pieces_have_the_sum_of_the_whole() {
        let pieces = || ["1234", "", "56789"].map(|p| Ok::<_, ()>(Arc::new(p.into()))).into_iter();
        for algorithm in ALGORITHMS {
            assert_eq!(algorithm.of_pieces(pieces()), Ok(algorithm.of(b"123456789")));
        }
        assert_eq!(md5_of_pieces(pieces()), Ok(md5(b"123456789")));
    }

    #[test]
    fn a_wrong_sum_and_a_malformed_one_are_told_apart() {
        let code = |value: &str| {
            verify(Algorithm::Crc32, value, b"123456789").err().map(|refused| refused.0.code)
        };
        assert_eq!(code("y/Q5Jg=="), None);
        assert_eq!(code("AAAAAA==").as_deref(), Some("BadDigest"));
        assert_eq!(code("nonsense").as_deref(), Some("InvalidRequest"));
    }

    #[test]
    fn a_document_is_held_to_its_md5() {
        let mut headers = HeaderMap::new();
        headers.insert("content-md5", STANDARD.encode(md5(b"body")).parse().unwrap());
        assert!(check_document(&headers, b"body").is_ok());
        assert!(check_document(&headers, b"other").is_err());
        headers.insert("content-md5", "short".parse().unwrap());
        let code = check_document(&headers, b"body").err().map(|refused| refused.0.code);
        assert_eq!(code.as_deref(), Some("InvalidDigest"));
    }
}
