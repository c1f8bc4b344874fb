//! What goes wrong with a device: what was found, what was expected, where, and what to do next.

use std::path::PathBuf;

use super::failure::{Failure, Seen, Which, lines, list};
use super::pin::{PinError, PinOwner};
use crate::pki::Algorithm;
use crate::plan::Name;

/// What goes wrong with a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// A device of the throwaway kind failed.
    #[error("throwaway key `{key}`: {reason}")]
    Throwaway {
        /// The key's name.
        key: Name,
        /// What the software says.
        reason: String,
    },

    /// The site says nothing of the device.
    #[error(
        "device `{device}` is not in the site file\n  found there: {}\n  add [devices.{device}] with its module and serial, and run again",
        list(known)
    )]
    NotInSite {
        /// The device that was asked for.
        device: Name,
        /// The devices of the site.
        known: Vec<Name>,
    },

    /// The module's file can't be read.
    #[error(
        "device `{device}`: the PKCS#11 module {} can't be read: {reason}\n  expected the library that came with the device\n  install it, or correct `module` in the site file, and run again",
        path.display()
    )]
    ModuleMissing {
        /// The device that needs the module.
        device: Name,
        /// The module's file.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },

    /// The module's file is not the one that was reviewed.
    #[error(
        "device `{device}`: the PKCS#11 module {} is not the one that the site file names\n  found SHA-256    {found}\n  expected SHA-256 {expected} (module-sha256)\n  it was not used, because a module sees every PIN: find out who changed the file. If it is an update that was reviewed, change module-sha256",
        path.display()
    )]
    ModuleChanged {
        /// The device that needs the module.
        device: Name,
        /// The module's file.
        path: PathBuf,
        /// SHA-256 of the file, in hex.
        found: String,
        /// SHA-256 that the site names, in hex.
        expected: String,
    },

    /// The module's file is there, but can't be loaded, does not start, or shows no slots.
    #[error(
        "device `{device}`: the PKCS#11 module {} does not work: {failure}\n  look at its configuration: modules find it through environment variables, which belong under [environment] in the site file (SoftHSM: SOFTHSM2_CONF). `ldd` shows whether a library that it needs is missing",
        path.display()
    )]
    ModuleFailed {
        /// The device that needs the module.
        device: Name,
        /// The module's file.
        path: PathBuf,
        /// What the loader or the module says.
        failure: Box<Failure>,
    },

    /// No token of the module is the one that the site names.
    #[error(
        "device `{device}`: no initialised token with {wanted}\n  seen through {}:{}\n  plug it in and run again, or correct the site file. A blank token is made ready by `rootwright token init`",
        module.display(), lines(seen)
    )]
    NoSuchToken {
        /// The device that was asked for.
        device: Name,
        /// The serial or label that the site names.
        wanted: String,
        /// The module.
        module: PathBuf,
        /// What is there instead.
        seen: Vec<Seen>,
    },

    /// More than one token is the one that the site names.
    #[error(
        "device `{device}`: {} tokens with {wanted}, expected exactly one\n  seen through {}:{}\n  name the token's serial in the site file, or unplug the others",
        matching.len(), module.display(), lines(matching)
    )]
    Ambiguous {
        /// The device that was asked for.
        device: Name,
        /// The serial or label that the site names.
        wanted: String,
        /// The module.
        module: PathBuf,
        /// The tokens that match.
        matching: Vec<Seen>,
    },

    /// There is no token to initialise, or more than one.
    #[error(
        "device `{device}`: {blank} blank tokens that fit, expected exactly one to initialise\n  seen through {}:{}\n  plug in the one blank token that shall be `{device}`, and run again. A token that was used is never reset by rootwright: its vendor's tool does that",
        module.display(), lines(seen)
    )]
    NoBlankToken {
        /// The device that was asked for.
        device: Name,
        /// How many uninitialised tokens fit.
        blank: usize,
        /// The module.
        module: PathBuf,
        /// What is there.
        seen: Vec<Seen>,
    },

    /// The token that shall be initialised is so already.
    #[error(
        "device `{device}`: there is an initialised token already: {token}\n  expected a blank one: nothing is ever reset, because that destroys its keys\n  {}",
        if *user_pin { "use it as it is, or give the device another label in the site file" }
        else { "it has no user PIN: an earlier `token init` may have been cut off. If it holds nothing, reset it with its vendor's tool, and run again" }
    )]
    AlreadyInitialized {
        /// The device that was asked for.
        device: Name,
        /// The token with its label or serial.
        token: Box<Seen>,
        /// Whether its user has a PIN.
        user_pin: bool,
    },

    /// There is no PIN.
    #[error("device `{device}`, PIN of its {owner}: {error}")]
    Pin {
        /// The device.
        device: Name,
        /// Whose PIN.
        owner: PinOwner,
        /// Why there is none.
        error: PinError,
    },

    /// The PIN was wrong.
    #[error(
        "{token}: wrong PIN of the {owner} ({code}). One attempt was used, and it is not tried again\n  the token says now: {}\n  check whose PIN belongs to this token before you run again",
        match (*locked, *final_try, *count_low) {
            (true, ..) => "the PIN is LOCKED",
            (_, true, _) => "ONE try is left before the PIN is locked",
            (_, _, true) => "the count of tries is low",
            _ => "nothing about how many tries are left",
        }
    )]
    WrongPin {
        /// The token.
        token: Box<Which>,
        /// Whose PIN.
        owner: PinOwner,
        /// What the module answered, such as `CKR_PIN_INCORRECT`.
        code: String,
        /// The token's flag, read after the attempt: a wrong PIN was tried before.
        count_low: bool,
        /// The token's flag: one try is left.
        final_try: bool,
        /// The token's flag: locked.
        locked: bool,
    },

    /// The PIN is locked.
    #[error(
        "{token}: the PIN of the {owner} is locked; no attempt was made\n  {}",
        match owner {
            PinOwner::User => "the security officer sets a new one with the vendor's tool (C_InitPIN); keys stay",
            PinOwner::SecurityOfficer | PinOwner::Puk | PinOwner::ManagementKey => "only the vendor's tool can help; the user's PIN and keys still work",
        }
    )]
    PinLocked {
        /// The token.
        token: Box<Which>,
        /// Whose PIN.
        owner: PinOwner,
    },

    /// One more wrong PIN would lock the token.
    #[error(
        "{token}: one try is left before the PIN of the {owner} is locked; no attempt was made\n  expected a token with tries to spare: log in once with the vendor's tool, with care, which sets the count back, and run again"
    )]
    PinFinalTry {
        /// The token.
        token: Box<Which>,
        /// Whose PIN.
        owner: PinOwner,
    },

    /// The token's user has no PIN yet.
    #[error(
        "{token}: its user has no PIN yet, as the token says\n  the security officer sets it with the vendor's tool (C_InitPIN), then run again"
    )]
    NoUserPin {
        /// The token.
        token: Box<Which>,
    },

    /// The site says that the PIN is typed on the device, which can't take it there (or not for this).
    #[error(
        "{token}: the site file says pin = \"protected\", but {reason}\n  expected a device with its own keypad: use \"prompt\" or {{ file = \"…\" }} in the site file"
    )]
    NoKeypad {
        /// The token.
        token: Box<Which>,
        /// Why not.
        reason: &'static str,
    },

    /// The session with the token, or its login, was lost.
    #[error(
        "{token}: the login was lost\n  see that the device is plugged in, and run again: the PIN is asked for again"
    )]
    Lost {
        /// The token.
        token: Box<Which>,
    },

    /// Nobody touched the device in time.
    #[error(
        "{token}: it was not touched in time, while {doing}\n  it blinks when it waits for a touch: run again, and touch it then"
    )]
    NotTouched {
        /// The token.
        token: Box<Which>,
        /// What was being done.
        doing: String,
    },

    /// The service that smart cards are reached through does not answer.
    #[error(
        "device `{device}`: the smart card service (PC/SC) can't be reached: {reason}\n  YubiKeys are reached through it: start pcscd, and run again"
    )]
    NoService {
        /// The device that was asked for.
        device: Name,
        /// What the system says.
        reason: String,
    },

    /// A YubiKey holds no key that a ceremony can take over.
    #[error(
        "{token}: there is {found} in slot {slot}, expected a key that was enrolled\n  its keyholder enrols it: `rootwright token init {} --site SITE`",
        token.device
    )]
    NotEnrolled {
        /// The token.
        token: Box<Which>,
        /// The PIV slot.
        slot: crate::site::PivSlot,
        /// What is there.
        found: &'static str,
    },

    /// A YubiKey still has what every new one has.
    #[error(
        "{token}: still the default: {}\n  whoever finds the device could use it. Nothing was changed; change them on the spot:\n  rootwright token init {} --site SITE --change-defaults",
        what.join(", "), token.device
    )]
    Defaults {
        /// The token.
        token: Box<Which>,
        /// What is at its default.
        what: Vec<&'static str>,
    },

    /// A YubiKey's slot is in use, and nobody typed the serial number to replace its key.
    #[error(
        "{token}: there is {found} in slot {slot}, and the device's serial number was not typed to replace it\n  nothing was changed. Use the key as it is, or name another piv-slot in the site file; in a terminal, the serial typed back replaces it for good"
    )]
    SlotTaken {
        /// The token.
        token: Box<Which>,
        /// The PIV slot.
        slot: crate::site::PivSlot,
        /// What is there.
        found: &'static str,
    },

    /// A call failed.
    #[error("{token}: {doing} failed: {failure}{}", advice(failure))]
    Call {
        /// The token.
        token: Box<Which>,
        /// What was being done.
        doing: String,
        /// What the module answered.
        failure: Box<Failure>,
    },

    /// The token can't make or use keys of this algorithm.
    #[error(
        "{token}: no {algorithm} keys\n  its mechanisms allow: {}\n  change the key's algorithm in the plan, or its device",
        list(supported)
    )]
    Unsupported {
        /// The token.
        token: Box<Which>,
        /// What was asked for.
        algorithm: Algorithm,
        /// What it can do.
        supported: Vec<Algorithm>,
    },

    /// A message that a device signs whole, and can't take whole.
    #[error(
        "{token}: {doing} takes a message of {length} bytes, and the device can take {longest}: with Ed25519 it signs messages whole\n  sign with SSH, or with a key of ecdsa-p256 or ecdsa-p384, of which a digest is signed"
    )]
    TooLong {
        /// The token.
        token: Box<Which>,
        /// What would be signed, with which key.
        doing: String,
        /// The message's length in bytes.
        length: usize,
        /// The longest one in bytes.
        longest: usize,
    },

    /// The device can't give a copy away, or take one in.
    #[error(
        "{device}: it can't copy the key `{key}`: it lacks {lacking}\n  leave `backup` out in the plan; where a loss must not stop you, generate a second key on a second device and let the plan name both"
    )]
    NoCopies {
        /// The device.
        device: String,
        /// The key.
        key: Name,
        /// The mechanisms that it lacks.
        lacking: String,
    },

    /// There is a key under the label already.
    #[error(
        "{token}: the label `{key}` is taken: {private} private and {public} public keys\n  expected none: a second key under one label could be mistaken for the first. Nothing was generated\n  give the key another name in the plan; or, if this is the key of a ceremony that was cut off, run that ceremony on with its archive"
    )]
    LabelTaken {
        /// The token.
        token: Box<Which>,
        /// The key's name.
        key: Name,
        /// How many private keys have that label.
        private: usize,
        /// How many public keys have that label.
        public: usize,
    },

    /// There is no private key under the label.
    #[error(
        "{token}: no private key labelled `{key}`\n  keys there: {}\n  is this the token that the key was generated on? Compare its serial with keys/{key}.json in the archive, and correct the site file",
        list(present)
    )]
    MissingKey {
        /// The token.
        token: Box<Which>,
        /// The key's name.
        key: Name,
        /// The labels of the private keys that are there.
        present: Vec<String>,
    },

    /// More than one key is under the label.
    #[error(
        "{token}: a duplicate label: {private} private and {public} public keys are labelled `{key}`, expected one of each\n  nothing was signed, since it is unknown with which. `rootwright token show` lists them with their ids: remove or relabel the wrong ones with the vendor's tool"
    )]
    KeyAmbiguous {
        /// The token.
        token: Box<Which>,
        /// The key's name.
        key: Name,
        /// How many private keys have that label.
        private: usize,
        /// How many public keys have that label.
        public: usize,
    },

    /// Half of a key pair is under the label.
    #[error(
        "{token}: half of a key pair is labelled `{key}`: {found}\n  expected a private and a public key. Its generation may have been cut off\n  {}",
        if *discardable { "it holds no private key that can sign, so nothing is lost by removing it" }
        else { "look at it with `rootwright token show`, and remove it with the vendor's tool if it is not needed" }
    )]
    HalfMade {
        /// The token.
        token: Box<Which>,
        /// The key's name.
        key: Name,
        /// Which half is there.
        found: String,
        /// Whether [`Token::discard_half`](super::Token::discard_half) removes it.
        discardable: bool,
    },

    /// The key under the label is of another kind than what shall be signed needs.
    #[error(
        "{token}: the key `{key}` is {found}, expected {expected}\n  nothing was signed. Is this the token that the key was generated on?"
    )]
    WrongKey {
        /// The token.
        token: Box<Which>,
        /// The key's name.
        key: Name,
        /// What the token says of the key.
        found: String,
        /// The algorithm that was asked for.
        expected: Algorithm,
    },

    /// The key under the label is not the one that the archive knows.
    #[error(
        "{token}: the key `{key}` is another one than the archive's\n  found SHA-256    {found}\n  expected SHA-256 {expected}\n  nothing was signed. Is this the token that the key was generated on? Compare its serial with keys/{key}.json in the archive"
    )]
    OtherKey {
        /// The token.
        token: Box<Which>,
        /// The key's name.
        key: Name,
        /// SHA-256 of the public key that is there, in hex.
        found: String,
        /// SHA-256 of the public key that the archive has, in hex.
        expected: String,
    },

    /// The token answered with something that can't be.
    #[error(
        "{token}: {what} is {found}, expected {expected}\n  the device or its module is broken, or not made for this. Do not go on with it before its vendor has explained that"
    )]
    BadReply {
        /// The token.
        token: Box<Which>,
        /// What was asked for.
        what: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },

    /// The token says of a key that it just generated what it was told not to do.
    #[error(
        "{token}: the new key `{key}` has {attribute} = {found}, expected {expected}, as the device was told\n  the key is on the device, but must not be used: remove it with the vendor's tool, and use another device or module"
    )]
    Contradiction {
        /// The token.
        token: Box<Which>,
        /// The key's name.
        key: Name,
        /// The attribute, such as `CKA_EXTRACTABLE`.
        attribute: &'static str,
        /// What the token says.
        found: String,
        /// What it was told.
        expected: bool,
    },
}

/// What a person does next, where an answer of the module makes that plain.
fn advice(failure: &Failure) -> &'static str {
    match failure.code.as_str() {
        _ if failure.is_gone() => "\n  see that the device is plugged in, and run again",
        "CKR_USER_NOT_LOGGED_IN" => {
            "\n  a key that wants its PIN before each use (CKA_ALWAYS_AUTHENTICATE) can't be used here"
        }
        "CKR_TOKEN_WRITE_PROTECTED" => "\n  the device is write-protected: its manual says how to lift that",
        "CKR_DEVICE_MEMORY" => "\n  the device is full: `rootwright token show` lists what it holds",
        "CKR_SESSION_COUNT" => "\n  other programs have sessions with the device: end them, and run again",
        "CKR_PIN_EXPIRED" => "\n  set a new PIN with the vendor's tool, and run again",
        _ => "",
    }
}
