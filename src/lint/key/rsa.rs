//! What can be wrong with an RSA key that anyone can see.

use rsa::BoxedUint;

/// The primes below 752 (NIST SP 800-89, 5.3.3), smallest first.
fn primes() -> impl Iterator<Item = u64> {
    let prime = |n: &u64| (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0);
    (2..752).filter(prime)
}

/// The largest prime that the fingerprint of CVE-2017-15361 looks at; the smallest is 3. (Nemec, Sys,
/// Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, 2017.)
const LARGEST_ROCA_PRIME: u64 = 167;

/// How many candidates Fermat's method is given, as public linters give it.
const ROUNDS: u32 = 100;

/// Modulus and exponent, big-endian without leading zeros, and what the modulus leaves when it is divided
/// by small primes.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    pub(super) modulus: Vec<u8>,
    pub(super) exponent: Vec<u8>,
    rests: Vec<(u64, u64)>,
}

impl Numbers {
    pub(super) fn new(modulus: Vec<u8>, exponent: Vec<u8>) -> Self {
        let rests = rests(&modulus);
        Self { modulus, exponent, rests }
    }

    /// The modulus's length in bits.
    pub(super) fn bits(&self) -> usize {
        let zeros = self.modulus.first().map_or(0, |top| top.leading_zeros());
        (self.modulus.len() * 8).saturating_sub(usize::try_from(zeros).unwrap_or(0))
    }

    /// A factor below 752, if there is one.
    pub(super) fn small_factor(&self) -> Option<u64> {
        self.rests.iter().find(|(_, rest)| *rest == 0).map(|(prime, _)| *prime)
    }

    /// Whether modulo each small prime the modulus is a power of 65537: of other moduli, one in 2^27 is.
    pub(super) fn is_roca(&self) -> bool {
        let looked_at = self.rests.iter().filter(|(prime, _)| (3..=LARGEST_ROCA_PRIME).contains(prime));
        looked_at.clone().count() > 0 && looked_at.clone().all(|(prime, rest)| is_power(*rest, *prime))
    }

    /// In how many rounds Fermat's method finds the factors, if it does: n = a² − b², for the first a
    /// from √n upwards.
    pub(super) fn close_factors(&self) -> Option<u32> {
        let modulus = BoxedUint::from_be_slice_vartime(&self.modulus);
        let one = BoxedUint::one_with_precision(modulus.bits_precision());
        let mut a = modulus.floor_sqrt_vartime();
        if a.wrapping_mul(&a) < modulus {
            a = a.wrapping_add(&one);
        }
        // a² may reach one bit beyond the modulus; the difference does not.
        let mut square = a.wrapping_mul(&a).wrapping_sub(&modulus);
        for round in 1..=ROUNDS {
            if is_square(&square) {
                return Some(round);
            }
            square = square.wrapping_add(&a).wrapping_add(&a).wrapping_add(&one);
            a = a.wrapping_add(&one);
        }
        None
    }
}

/// The rests by all small primes: of whole groups of primes first, each group's product below 2^32.
fn rests(modulus: &[u8]) -> Vec<(u64, u64)> {
    let mut rests = Vec::new();
    let mut group: Vec<u64> = Vec::new();
    let mut product = 1u64;
    for prime in primes().chain([u64::from(u32::MAX)]) {
        if product * prime > u64::from(u32::MAX) {
            let rest = rest(modulus, product);
            rests.extend(group.drain(..).map(|prime| (prime, rest % prime)));
            product = 1;
        }
        group.push(prime);
        product *= prime;
    }
    rests
}

/// The modulus divided by a number below 2^32: what is left.
fn rest(modulus: &[u8], by: u64) -> u64 {
    let (head, words) = modulus.as_rchunks::<4>();
    let head = head.iter().fold(0u64, |rest, byte| (rest << 8 | u64::from(*byte)) % by);
    words.iter().fold(head, |rest, word| (rest << 32 | u64::from(u32::from_be_bytes(*word))) % by)
}

fn is_power(rest: u64, prime: u64) -> bool {
    let mut power = 1u64;
    loop {
        if power == rest {
            return true;
        }
        power = power * (65537 % prime) % prime;
        if power == 1 {
            return false;
        }
    }
}

/// Squares leave few rests modulo 64; only one number in five is worth a root.
fn is_square(number: &BoxedUint) -> bool {
    let low = number.as_words().first().copied().unwrap_or(0) & 63;
    let possible = matches!(low, 0 | 1 | 4 | 9 | 16 | 17 | 25 | 33 | 36 | 41 | 49 | 57);
    possible && {
        let bytes = number.to_be_bytes_trimmed_vartime();
        let by = |by: u64| rest(&bytes, by);
        let residue = |rest: u64, by: u64| (0..by).any(|n| n * n % by == rest);
        [63, 65, 11, 17, 19, 23, 29, 31].iter().all(|n| residue(by(*n), *n))
            && BoxedUint::from_be_slice_vartime(&bytes).checked_sqrt_vartime().is_some()
    }
}
