//! A PIN that nobody knows: made here, dealt out in shares (Shamir, 1979), and restored from as many of
//! them as the site says.
//!
//! A share is 24 letters and digits of base32 (RFC 4648, 6), in groups of four: its number, its part of
//! the secret, two bytes that all shares of one dealing have in common, and two that check the typing
//! and that it is for this device.

use blahaj::{Share, Sharks};
use data_encoding::BASE32;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::pin::{AskPin, PinError, PinRequest};
use crate::plan::Name;

/// Bytes of the secret: 80 bits, of which the PIN is the base32, 16 characters.
const SECRET: usize = 10;

/// A share, read.
struct Part {
    number: u8,
    dealing: [u8; 2],
    share: Share,
}

/// Makes a new PIN and deals it out. What is given back is what the typed shares restore.
pub(super) fn deal(
    request: &PinRequest,
    (shares, threshold): (u8, u8),
    ask: &mut dyn AskPin,
) -> Result<SecretString, PinError> {
    let random = |bytes: &mut [u8]| {
        getrandom::fill(bytes)
            .map_err(|error| PinError::NotTyped { reason: format!("no random numbers: {error}") })
    };
    let mut secret = Zeroizing::new([0; SECRET]);
    random(secret.as_mut())?;
    let mut dealing = [0; 2];
    random(&mut dealing)?;
    let mut parts = Vec::new();
    for (number, share) in (1..=shares).zip(Sharks(threshold).dealer(secret.as_ref())) {
        let text = write(&request.device, dealing, &share);
        ask.deal(request, &text, (number, shares))?;
        // Read back from its text: what a holder has written down is what restores.
        parts.push(read(&request.device, text.expose_secret()).map_err(unusable)?);
    }
    // The last ones, so that not only the first are known to be good.
    let last = parts.len().saturating_sub(usize::from(threshold));
    let restored = restore(parts.get(last..).unwrap_or_default(), threshold)?;
    if restored.expose_secret() != pin(secret.as_ref()).expose_secret() {
        return Err(unusable("the shares do not restore what was dealt"));
    }
    Ok(restored)
}

/// Restores the PIN from shares that their holders type.
pub(super) fn gather(
    request: &PinRequest,
    threshold: u8,
    ask: &mut dyn AskPin,
) -> Result<SecretString, PinError> {
    let mut parts: Vec<Part> = Vec::new();
    let mut wrong = None;
    while parts.len() < usize::from(threshold) {
        let typed = u8::try_from(parts.len()).unwrap_or(u8::MAX);
        let text = ask.share(request, (typed, threshold), wrong)?;
        wrong = match read(&request.device, text.expose_secret()) {
            Err(reason) => Some(reason),
            Ok(part) if parts.iter().any(|other| other.number == part.number) => {
                Some("this share was typed already; another holder's is needed")
            }
            Ok(part) if parts.iter().any(|other| other.dealing != part.dealing) => {
                Some("this share is of another dealing than the first: it restores another PIN")
            }
            Ok(part) => {
                parts.push(part);
                None
            }
        };
    }
    restore(&parts, threshold)
}

fn unusable(found: &'static str) -> PinError {
    PinError::Unusable { found }
}

fn restore(parts: &[Part], threshold: u8) -> Result<SecretString, PinError> {
    let sharks = Sharks(threshold);
    let secret = sharks.recover(parts.iter().map(|part| &part.share));
    let secret = secret.map(Zeroizing::new).map_err(|_| unusable("the shares do not fit together"))?;
    Ok(pin(&secret))
}

fn pin(secret: &[u8]) -> SecretString {
    SecretString::from(BASE32.encode(secret))
}

fn check(device: &Name, body: &[u8]) -> [u8; 2] {
    let mut digest = Sha256::new();
    digest.update(device.as_str());
    digest.update([0]);
    digest.update(body);
    let digest = digest.finalize();
    [digest.first().copied().unwrap_or_default(), digest.get(1).copied().unwrap_or_default()]
}

fn write(device: &Name, dealing: [u8; 2], share: &Share) -> SecretString {
    let mut bytes = Zeroizing::new(Vec::<u8>::from(share));
    bytes.reserve_exact(4);
    bytes.extend(dealing);
    let check = check(device, &bytes);
    bytes.extend(check);
    let text = Zeroizing::new(BASE32.encode(&bytes));
    let mut grouped = Zeroizing::new(String::with_capacity(text.len().saturating_mul(2)));
    for (at, character) in text.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            grouped.push('-');
        }
        grouped.push(character);
    }
    SecretString::from(grouped.as_str())
}

fn read(device: &Name, text: &str) -> Result<Part, &'static str> {
    const TYPO: &str = "this is not a share of this device: a letter is wrong, or it is another device's";
    let plain: Zeroizing<String> = Zeroizing::new(
        text.chars()
            .filter(|character| !character.is_whitespace() && *character != '-')
            .map(|character| character.to_ascii_uppercase())
            .collect(),
    );
    let bytes = Zeroizing::new(BASE32.decode(plain.as_bytes()).map_err(|_| TYPO)?);
    let Some((body, typed)) = bytes.split_last_chunk::<2>() else { return Err(TYPO) };
    let Some((share, dealing)) = body.split_last_chunk::<2>() else { return Err(TYPO) };
    if share.len() != SECRET.saturating_add(1) || check(device, body) != *typed {
        return Err(TYPO);
    }
    let number = share.first().copied().unwrap_or_default();
    let share = Share::try_from(share).map_err(|_| TYPO)?;
    Ok(Part { number, dealing: *dealing, share })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::PinOwner;

    /// Holders who write their shares down, and type some of them.
    #[derive(Default)]
    struct Holders {
        cards: Vec<String>,
        typed: Vec<String>,
        complaints: Vec<String>,
    }

    impl AskPin for Holders {
        fn ask(&mut self, _: &PinRequest) -> Result<SecretString, PinError> {
            unreachable!("nobody knows this PIN")
        }
        fn deal(&mut self, _: &PinRequest, share: &SecretString, _: (u8, u8)) -> Result<(), PinError> {
            self.cards.push(share.expose_secret().to_string());
            Ok(())
        }
        fn share(
            &mut self,
            _: &PinRequest,
            _: (u8, u8),
            wrong: Option<&str>,
        ) -> Result<SecretString, PinError> {
            self.complaints.extend(wrong.map(str::to_string));
            if self.typed.is_empty() {
                return Err(PinError::NotTyped { reason: "nobody is left".into() });
            }
            Ok(SecretString::from(self.typed.remove(0)))
        }
    }

    fn request(device: &str) -> PinRequest {
        PinRequest {
            device: device.parse().unwrap(),
            owner: PinOwner::User,
            new: true,
            label: "vault".into(),
            serial: "1f0e".into(),
            model: "model".into(),
            count_low: false,
            final_try: false,
            tries: None,
            length: None,
        }
    }

    fn gathered(holders: &mut Holders, typed: &[&str]) -> Result<String, PinError> {
        holders.typed = typed.iter().map(|text| text.to_string()).collect();
        gather(&request("vault"), 3, holders).map(|pin| pin.expose_secret().to_string())
    }

    #[test]
    fn any_three_of_five_restore_it_and_two_do_not() {
        let mut holders = Holders::default();
        let pin = deal(&request("vault"), (5, 3), &mut holders).unwrap();
        let pin = pin.expose_secret().to_string();
        assert_eq!((pin.len(), holders.cards.len()), (16, 5));
        let cards = holders.cards.clone();
        for a in 0..5 {
            for b in a + 1..5 {
                for c in b + 1..5 {
                    let typed = [cards[c].as_str(), &cards[a].to_lowercase(), &cards[b].replace('-', " ")];
                    assert_eq!(gathered(&mut holders, &typed).unwrap(), pin);
                }
            }
        }
        assert!(holders.complaints.is_empty());
        assert!(matches!(gathered(&mut holders, &[&cards[0], &cards[1]]), Err(PinError::NotTyped { .. })));
    }

    #[test]
    fn a_wrong_share_is_asked_for_again_and_uses_no_attempt() {
        let mut holders = Holders::default();
        let pin = deal(&request("vault"), (3, 3), &mut holders).unwrap().expose_secret().to_string();
        let cards = std::mem::take(&mut holders.cards);
        deal(&request("vault"), (3, 3), &mut holders).unwrap();
        let of_another_dealing = holders.cards[1].clone();
        deal(&request("root-hsm"), (3, 3), &mut holders).unwrap();
        let of_another_device = holders.cards[4].clone();
        let mut typo = cards[1].clone();
        typo.replace_range(6..7, if &typo[6..7] == "A" { "B" } else { "A" });
        let typed = [
            cards[0].as_str(),
            &cards[0],
            &typo,
            &of_another_device,
            &of_another_dealing,
            "",
            "AAAA",
            &cards[1],
            &cards[2],
        ];
        assert_eq!(gathered(&mut holders, &typed).unwrap(), pin);
        assert_eq!(holders.complaints.len(), 6);
        assert!(holders.complaints.iter().all(|complaint| !complaint.contains(&pin)));
    }

    #[test]
    fn a_share_is_six_groups_of_four() {
        let mut holders = Holders::default();
        deal(&request("vault"), (2, 2), &mut holders).unwrap();
        let groups: Vec<usize> = holders.cards[0].split('-').map(str::len).collect();
        assert_eq!(groups, [4; 6]);
    }
}
