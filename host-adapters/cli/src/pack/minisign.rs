//! Keys and signatures in minisign's file formats, as far as signing goes;
//! checking is left to the crate `minisign-verify`.
//!
//! What is signed is the BLAKE2b-512 of the file; a second signature covers the
//! first and the trusted comment.

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use blake2b_simd::{Params, blake2b};
use ed25519_compact::{KeyPair, SecretKey, Seed};

const SIGNATURE_ALGORITHM: &[u8] = b"Ed";
const PREHASHED: &[u8] = b"ED";
const CHECKSUM: &[u8] = b"B2";

/// Where what is where in a secret key's 158 bytes.
mod layout {
    use std::ops::Range;
    pub const KDF: Range<usize> = 2..4;
    pub const CHECKSUM: Range<usize> = 4..6;
    pub const NUMBER: Range<usize> = 54..62;
    pub const SECRET: Range<usize> = 62..126;
    pub const SUM: Range<usize> = 126..158;
    pub const BYTES: usize = 158;
}

/// A key to sign with.
pub struct SigningKey {
    /// Tells keys apart; chance.
    number: [u8; 8],
    secret: SecretKey,
}

impl SigningKey {
    /// Makes one of 40 random bytes.
    pub fn new(random: [u8; 40]) -> SigningKey {
        let (number, seed) = random.split_at(8);
        let pair = KeyPair::from_seed(Seed::from_slice(seed).expect("32 bytes"));
        SigningKey { number: number.try_into().expect("8 bytes"), secret: pair.sk }
    }

    /// The key's number as people read it.
    pub fn id(&self) -> String {
        format!("{:016X}", u64::from_le_bytes(self.number))
    }

    /// Reads a secret key's file.
    pub fn read(text: &str) -> Result<SigningKey> {
        let line =
            text.lines().nth(1).context("it is no secret key of minisign: no second line")?;
        let bytes = BASE64.decode(line).context("it is no secret key of minisign")?;
        ensure!(
            bytes.len() == layout::BYTES && bytes.starts_with(SIGNATURE_ALGORITHM),
            "it is no secret key of minisign"
        );
        if bytes[layout::KDF] != [0, 0] {
            bail!(
                "the key is locked with a password; sign with `minisign -S -s KEY -m PACK.json`, whose \
                 signatures are the same, or make a key without one by `callprint pack keygen`"
            );
        }
        let number = bytes[layout::NUMBER].try_into().expect("8 bytes");
        let secret = SecretKey::from_slice(&bytes[layout::SECRET]).expect("64 bytes");
        let key = SigningKey { number, secret };
        // minisign gives keys without a password no checksum.
        let sum = &bytes[layout::SUM];
        ensure!(
            bytes[layout::CHECKSUM] == *CHECKSUM
                && (*sum == key.checksum() || sum.iter().all(|b| *b == 0)),
            "the key is damaged: its checksum does not fit"
        );
        Ok(key)
    }

    fn checksum(&self) -> [u8; 32] {
        let content = [SIGNATURE_ALGORITHM, &self.number, self.secret.as_ref()].concat();
        let hash = Params::new().hash_length(32).hash(&content);
        hash.as_bytes().try_into().expect("32 bytes were asked for")
    }

    /// The secret key's file.
    pub fn secret_file(&self) -> String {
        let mut bytes = [0; layout::BYTES];
        bytes[..2].copy_from_slice(SIGNATURE_ALGORITHM);
        bytes[layout::CHECKSUM].copy_from_slice(CHECKSUM);
        bytes[layout::NUMBER].copy_from_slice(&self.number);
        bytes[layout::SECRET].copy_from_slice(self.secret.as_ref());
        bytes[layout::SUM].copy_from_slice(&self.checksum());
        file(&format!("minisign secret key {}", self.id()), &bytes)
    }

    /// The public key's file.
    pub fn public_file(&self) -> String {
        let public = self.secret.public_key();
        let bytes = [SIGNATURE_ALGORITHM, &self.number, public.as_ref()].concat();
        file(&format!("minisign public key {}", self.id()), &bytes)
    }

    /// The signature's file for a message. `comment` is signed with it, and has one line.
    pub fn sign(&self, message: &[u8], comment: &str) -> String {
        let signature = self.secret.sign(blake2b(message).as_bytes(), None);
        let whole = self.secret.sign([signature.as_ref(), comment.as_bytes()].concat(), None);
        let bytes = [PREHASHED, &self.number, signature.as_ref()].concat();
        let first = file(&format!("signature by key {}", self.id()), &bytes);
        format!("{first}trusted comment: {comment}\n{}\n", BASE64.encode(whole.as_ref()))
    }
}

fn file(comment: &str, bytes: &[u8]) -> String {
    format!("untrusted comment: {comment}\n{}\n", BASE64.encode(bytes))
}
