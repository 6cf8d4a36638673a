//! SHA-256 digests, and lower-case hexadecimal.

use sha2::{Digest, Sha256};

/// The whole digest: 64 characters.
pub fn sha256_hex(data: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(data))
}

/// The first 64 bits of the digest: 16 characters, enough to distinguish the messages of one chat.
pub fn short_sha256_hex(data: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(data)[..8])
}

/// Each byte as two characters.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_in_lower_case_hexadecimal() {
        assert_eq!(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(short_sha256_hex(""), "e3b0c44298fc1c14");
    }
}
