//! The management key, by which a card is administered.

use aes::cipher::array::Array;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};

/// The key that every card has when it is new.
pub const DEFAULT: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

pub struct Management {
    /// 3: 3DES, 8: AES-128, 0a: AES-192, 0c: AES-256.
    pub algorithm: u8,
    pub key: Vec<u8>,
}

impl Management {
    pub fn block(&self) -> usize {
        if self.algorithm == 3 { 8 } else { 16 }
    }

    pub fn encrypt(&self, block: &[u8]) -> Vec<u8> {
        self.apply(block, true)
    }

    fn apply(&self, block: &[u8], encrypt: bool) -> Vec<u8> {
        macro_rules! run {
            ($cipher:ty) => {{
                let cipher = <$cipher>::new_from_slice(&self.key).expect("a key of this length");
                let mut block = Array::try_from(block).expect("one block");
                if encrypt {
                    cipher.encrypt_block(&mut block)
                } else {
                    cipher.decrypt_block(&mut block)
                }
                block.to_vec()
            }};
        }
        match self.algorithm {
            3 => run!(des::TdesEde3),
            8 => run!(aes::Aes128),
            0x0a => run!(aes::Aes192),
            _ => run!(aes::Aes256),
        }
    }

    /// How long a key of the algorithm is; none where there is no such algorithm.
    pub fn length(algorithm: u8) -> Option<usize> {
        match algorithm {
            3 | 0x0a => Some(24),
            8 => Some(16),
            0x0c => Some(32),
            _ => None,
        }
    }
}
