//! What can be wrong with an RSA key that anyone can see.

use std::sync::LazyLock;

use rsa::BoxedUint;

/// Primes below 752 (NIST SP 800-89, 5.3.3) whose product is below 2^32, so that a long number is divided
/// by all of them at once.
struct Group {
    primes: Vec<u64>,
    product: u64,
    /// 2^(32·n) modulo the product: the weight of a number's nth word.
    weights: Vec<u64>,
}

/// How many words of 32 bits the longest modulus has that keys are allowed.
const WORDS: usize = 128;

static GROUPS: LazyLock<Vec<Group>> = LazyLock::new(|| {
    let prime = |n: &u64| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    let mut groups: Vec<(Vec<u64>, u64)> = Vec::new();
    for prime in (2..752).filter(prime) {
        match groups.last_mut() {
            Some((primes, product)) if *product * prime <= u64::from(u32::MAX) => {
                primes.push(prime);
                *product *= prime;
            }
            _ => groups.push((vec![prime], prime)),
        }
    }
    let weights = |product: u64| {
        std::iter::successors(Some(1), move |weight| Some((weight << 32) % product)).take(WORDS).collect()
    };
    let group = |(primes, product)| Group { primes, product, weights: weights(product) };
    groups.into_iter().map(group).collect()
});

/// The largest prime that the fingerprint of CVE-2017-15361 looks at; the smallest is 3. (Nemec, Sys,
/// Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, 2017.)
const LARGEST_ROCA_PRIME: u64 = 167;

/// The sizes of moduli that keys have, in bits (CSBR 6.1.5).
pub(super) const SIZES: [usize; 2] = [3072, 4096];

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
    /// from √n upwards. A modulus of another size than keys have is not looked at: a stranger's could be
    /// longer than there is time for.
    pub(super) fn close_factors(&self) -> Option<u32> {
        if !SIZES.contains(&self.bits()) {
            return None;
        }
        let modulus = BoxedUint::from_be_slice_vartime(&self.modulus);
        let mut a = modulus.floor_sqrt_vartime();
        if a.wrapping_mul(&a) < modulus {
            a = a.wrapping_add(BoxedUint::one_with_precision(modulus.bits_precision()));
        }
        // a² may reach one bit beyond the modulus; the difference does not, and is half as long.
        let square = a.wrapping_mul(&a).wrapping_sub(&modulus);
        let bits = modulus.bits_precision() / 2 + 128;
        let short =
            |number: &BoxedUint| BoxedUint::from_be_slice(&number.to_be_bytes_trimmed_vartime(), bits).ok();
        let (mut a, mut square, one) = (short(&a)?, short(&square)?, BoxedUint::one_with_precision(bits));
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

/// The rests by all small primes.
fn rests(modulus: &[u8]) -> Vec<(u64, u64)> {
    let words: Vec<u64> = modulus
        .rchunks(4)
        .map(|word| word.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
        .collect();
    let of = |group: &Group| -> u64 {
        if words.len() > WORDS {
            return rest(modulus, group.product);
        }
        let sum: u128 =
            words.iter().zip(&group.weights).map(|(word, weight)| u128::from(word * weight)).sum();
        u64::try_from(sum % u128::from(group.product)).unwrap_or(0)
    };
    GROUPS
        .iter()
        .flat_map(|group| {
            let rest = of(group);
            group.primes.iter().map(move |prime| (*prime, rest % prime))
        })
        .collect()
}

/// A number divided by one below 2^32: what is left.
fn rest(number: &[u8], by: u64) -> u64 {
    number.iter().fold(0, |rest, byte| (rest << 8 | u64::from(*byte)) % by)
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

/// Squares leave few rests: one number in five passes modulo 64, one in a hundred what follows.
fn is_square(number: &BoxedUint) -> bool {
    const BY: [u64; 3] = [63, 65, 11];
    let words = || number.as_words().iter().rev();
    let low = number.as_words().first().copied().unwrap_or(0) & 63;
    let possible = matches!(low, 0 | 1 | 4 | 9 | 16 | 17 | 25 | 33 | 36 | 41 | 49 | 57);
    possible && {
        let all: u64 = BY.iter().product();
        // Halves of a word: what is left of the words before stays below 2^16.
        let rest = words().fold(0, |rest, word| {
            let rest = ((rest << 32) | (word >> 32)) % all;
            ((rest << 32) | (word & 0xffff_ffff)) % all
        });
        BY.iter().all(|by| (0..*by).any(|n| n * n % by == rest % by))
            && number.checked_sqrt_vartime().is_some()
    }
}
