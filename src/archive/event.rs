//! What can happen, as the journal records it.

mod names;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::told::{
    CanaryPart, Confirmation, CopyRecord, Digest, FileRecord, KeyRecord, Moment, Opening, Operations,
    SigsumTrust, ToBeSigned,
};
pub use crate::plan::observation::Observation;
use crate::plan::prove::Provider;
use crate::plan::tuf::TargetName;
use crate::plan::{Algorithm, Name, Time};
use crate::site::{MachineFinding, Purpose};
use crate::token::{DeviceReport, ObjectReport};
pub use crate::tuf::Role;
use crate::tuf::request::Asked;

/// One event. Everything that a file of the archive holds can be made again from the events, but for CRLs:
/// of those the journal has the hash, and the file is the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "type", deny_unknown_fields)]
pub enum Event {
    /// A ceremony began, or went on.
    CeremonyStarted {
        /// The ceremony's name.
        name: String,
        /// SHA-256 of the plan, in hex.
        plan: String,
        /// The plan's text.
        text: String,
        /// SHA-256 of the site file, in hex.
        site: String,
        /// Rehearsal or production.
        purpose: Purpose,
        /// Days by which every date of the plan is moved.
        date_shift: i64,
        /// The tool's version.
        tool: String,
        /// What people are called who play the plan's parts, by part.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        people: BTreeMap<Name, String>,
    },
    /// What was found on the ceremony's machine that is not as it should be, with the site's waivers.
    MachineChecked {
        /// Each finding: its id, what was found, and the site's reason to go on.
        findings: Vec<MachineFinding>,
    },
    /// The machine's clock was read against one on the wall.
    ClockRead {
        /// What the clock on the wall said, as it was typed.
        wall: String,
        /// By how many seconds the machine's clock is ahead.
        skew: i64,
        /// Who read it.
        by: Option<Name>,
    },
    /// A person confirmed something by typing what it asks for.
    Confirmed {
        /// The step, if it is one's.
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// What was confirmed.
        what: Confirmation,
        /// What it is of: the plan's or the document's SHA-256, a device, a fingerprint.
        of: String,
        /// Who confirmed it.
        by: Option<Name>,
    },
    /// Something went otherwise than expected.
    DeviationRecorded {
        /// What was expected.
        expected: String,
        /// What happened.
        happened: String,
        /// What was decided.
        decided: String,
        /// By whom.
        by: String,
    },
    /// A person does not sign off.
    RefusalRecorded {
        /// Who.
        person: String,
        /// What they do not sign off.
        of: String,
        /// Why.
        reason: String,
    },
    /// A device was opened and logged in to.
    DeviceOpened {
        /// The plan's name of the device.
        device: Name,
        /// What it says of itself.
        claims: DeviceReport,
    },
    /// A key is about to be generated. Said again each time that a device is asked to.
    KeyIntended {
        /// The step.
        step: String,
        /// The key's name.
        key: Name,
        /// The device that will generate it.
        device: Name,
        /// What it will generate.
        algorithm: Algorithm,
    },
    /// Half a key pair, left by an interrupted generation, is removed from its device.
    HalfKeyDiscarded {
        /// The key's name.
        key: Name,
        /// The device.
        device: Name,
    },
    /// A key was generated, or taken over from elsewhere.
    KeyMade {
        /// The step.
        step: String,
        /// What the plan says of the key.
        spec: Value,
        /// Whether it was found on the device after an interruption.
        adopted: bool,
        /// The key.
        key: Box<KeyRecord>,
    },
    /// A key is about to be copied, wrapped, to a second device. Said again each time that it is tried.
    CopyIntended {
        /// The step.
        step: String,
        /// The key's name.
        key: Name,
        /// The device that holds it.
        from: Name,
        /// The device that is given the copy.
        to: Name,
    },
    /// A second device holds the key, and proved it.
    CopyMade {
        /// The step.
        step: String,
        /// Whether the copy was found on the device after an interruption.
        adopted: bool,
        /// The copy.
        copy: Box<CopyRecord>,
    },
    /// Something is about to be signed.
    SignatureIntended {
        /// The step.
        step: String,
        /// The document.
        object: String,
        /// The key that will sign.
        key: Name,
        /// The bytes to be signed.
        to_be_signed: ToBeSigned,
    },
    /// A signature was intended, and what came of it is not known: it is about to be made again, over
    /// the same bytes. With the intents, this counts how often a private key was used.
    SignatureRepeated {
        /// The step.
        step: String,
        /// The document.
        object: String,
        /// The key that will sign.
        key: Name,
    },
    /// A certificate was signed.
    CertificateSigned {
        /// The step.
        step: String,
        /// The certificate's name.
        certificate: Name,
        /// What the plan says of it.
        spec: Value,
        /// The issuer's name; none for a root.
        issuer: Option<Name>,
        /// The certificate in DER, as base64.
        der: String,
    },
    /// A request for a CA that is not ours was signed.
    CsrSigned {
        /// The step.
        step: String,
        /// The request's name.
        csr: Name,
        /// What the plan says of it.
        spec: Value,
        /// The request in DER, as base64.
        der: String,
    },
    /// A CRL was signed.
    CrlSigned {
        /// The step.
        step: String,
        /// The CRL's name.
        crl: Name,
        /// What the plan says of it.
        spec: Value,
        /// The issuer's name.
        issuer: Name,
        /// Its number.
        number: u64,
        /// How many certificates it lists.
        revoked: u64,
        /// SHA-256 of the bytes that were signed, in hex.
        signed: String,
        /// SHA-256 of the CRL in DER, in hex. The file is the record of it, and was written before this
        /// event: a CRL may be large.
        sha256: String,
    },
    /// The trusted root and the signing config were put together.
    TrustRootAssembled {
        /// The step.
        step: String,
        /// What the plan says of it.
        spec: Value,
        /// `trusted_root.json`.
        trusted_root: String,
        /// `signing_config.v0.2.json`.
        signing_config: String,
    },
    /// A further target was taken in from its file.
    TargetTaken {
        /// The step.
        step: String,
        /// The target's name.
        target: TargetName,
        /// Its content, as base64.
        content: String,
    },
    /// A role's metadata was signed by one key.
    MetadataSigned {
        /// The step.
        step: String,
        /// The role.
        role: Role,
        /// The version that was signed.
        version: u64,
        /// The key that signed.
        key: Name,
        /// What the plan says of the metadata.
        spec: Value,
        /// The key's TUF key id.
        keyid: String,
        /// The signature, as TUF writes it: hex.
        signature: String,
        /// SHA-256 of the bytes that were signed, in hex.
        signed: String,
    },
    /// Somebody whose key is elsewhere was asked to sign: the request was written.
    SignatureRequested {
        /// The key that shall sign.
        key: Name,
        /// The folder of the ceremony's requests.
        ceremony: Name,
        /// Which documents.
        documents: Vec<Asked>,
        /// The request's text.
        content: String,
    },
    /// The answer of somebody whose key is elsewhere was taken. Its signatures follow, each as an event.
    ResponseTaken {
        /// The key that signed.
        key: Name,
        /// The folder of the ceremony's responses.
        ceremony: Name,
        /// The answer's text.
        content: String,
    },
    /// A role's metadata has its signatures and was published.
    MetadataPublished {
        /// The step.
        step: String,
        /// The role.
        role: Role,
        /// The version.
        version: u64,
        /// What the plan says of it.
        spec: Value,
        /// The file's text.
        content: String,
    },
    /// The ceremony's steps are all done.
    CeremonyFinished {
        /// SHA-256 of the plan, in hex.
        plan: String,
    },
    /// A canary is about to be made: a throwaway keyless signature under the trust root.
    CanaryStarted {
        /// The canary's name.
        canary: Name,
        /// Whom its certificate names.
        identity: String,
        /// Who vouched for that.
        issuer: String,
        /// What kind of provider that is.
        provider: Provider,
        /// The moment that it is signed at.
        at: Time,
        /// The certificate whose key issues the canary's.
        authority: Name,
    },
    /// Something of a canary was signed: an issued certificate, or what a log or timestamp authority says.
    CanarySigned {
        /// The step.
        step: String,
        /// The canary's name.
        canary: Name,
        /// What it is.
        part: CanaryPart,
        /// The key that signed.
        key: Name,
        /// SHA-256 of the bytes that were signed, in hex.
        signed: String,
        /// The signature, as base64.
        signature: String,
    },
    /// A canary is whole, and verifies under the trusted root.
    CanaryFinished {
        /// The canary's name.
        canary: Name,
        /// Whom its certificate names.
        identity: String,
        /// Who vouched for that.
        issuer: String,
        /// The moment that it was signed at.
        time: Time,
        /// The artifact, as text.
        artifact: String,
        /// The bundle's text.
        bundle: String,
        /// The text of the bundle with the Rekor v1 entry, where there is one beside the other.
        bundle_rekor_v1: Option<String>,
    },
    /// A person approved the plan by its hash, before it was run.
    ApprovalRecorded {
        /// SHA-256 of the plan, in hex.
        plan: String,
        /// Who.
        person: Name,
        /// SHA-256 of the key's SubjectPublicKeyInfo, in hex.
        key: String,
        /// The envelope: an in-toto statement with the person's signature, as a DSSE file has it.
        envelope: String,
    },
    /// What runs: the tool's own file, and what it was built of.
    ToolIdentified {
        /// Its version.
        version: String,
        /// SHA-256 of its file, in hex, where the system shows it.
        sha256: Option<String>,
        /// SHA-256 of the list of everything that it was built of (`Cargo.lock`), in hex.
        dependencies: String,
        /// What it was built for, such as `x86_64 linux, release`.
        build: String,
    },
    /// What the ceremony's machine is like, whether or not it is as it should be.
    MachineDescribed {
        /// What was looked at, and what was found.
        facts: BTreeMap<String, String>,
    },
    /// The objects that a device holds, when it is first used and when its last step was taken.
    DeviceInventoried {
        /// The plan's name of the device.
        device: Name,
        /// Before or after.
        when: Moment,
        /// The device's flags, by PKCS#11 names.
        flags: Vec<String>,
        /// The objects.
        objects: Vec<ObjectReport>,
        /// What its random source did when it was asked, before: it answers, or why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        random: Option<String>,
    },
    /// What a device claims of its keys was tried on a throwaway one.
    DeviceProbed {
        /// The plan's name of the device.
        device: Name,
        /// The algorithm of the throwaway key.
        algorithm: Algorithm,
        /// The template that keys are generated with.
        template: Vec<String>,
        /// What was tried, and what came of it.
        tried: BTreeMap<String, String>,
    },
    /// How often private keys were used in a run, and how often its steps needed them.
    OperationsCounted {
        /// By key.
        keys: BTreeMap<Name, Operations>,
    },
    /// A person recorded what no program can know.
    ObservationRecorded {
        /// What it is of.
        what: Observation,
        /// What was said, by question.
        said: BTreeMap<String, String>,
    },
    /// What there is of keys, algorithms and certificates was put together.
    InventoryMade {
        /// The CycloneDX document.
        cbom: String,
    },
    /// What happened until here is put into words, for people to sign.
    SealStarted {
        /// Counts the seals of the archive, from 1.
        seal: u64,
        /// The in-toto statement: RFC 8785 JSON. It covers every line before this one.
        statement: String,
        /// What the statement has salted hashes of.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        openings: Vec<Opening>,
    },
    /// A person signed a seal, or an objection to it.
    SealSigned {
        /// The step.
        step: String,
        /// The seal's number.
        seal: u64,
        /// Who.
        person: Name,
        /// SHA-256 of the key's SubjectPublicKeyInfo, in hex.
        key: String,
        /// The key id, as the envelope has it.
        keyid: String,
        /// The signature, as base64.
        signature: String,
        /// SHA-256 of the bytes that were signed (DSSE's encoding of the statement), in hex.
        signed: String,
        /// The statement of an objection; none where the seal's own was signed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        objection: Option<String>,
    },
    /// A log's proof that it has a person's signature over a statement, or the statement itself.
    ProofRecorded {
        /// The file in `evidence/` whose signature it is.
        of: String,
        /// Whose; none where the log has the statement and nobody's signature, as Sigsum does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<Name>,
        /// The log's origin: of Rekor its host.
        host: String,
        /// The log's key, as whoever brought the proof trusts it: its SubjectPublicKeyInfo, as base64.
        log: String,
        /// The proof as it came: Rekor's `TransparencyLogEntry`, or Sigsum's proof.
        entry: String,
        /// How whoever brought it judged a proof of Sigsum.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sigsum: Option<SigsumTrust>,
    },
    /// The journal's last line was cut off; what was left of it is kept aside.
    JournalTorn {
        /// What was left, as base64.
        rest: String,
    },
}
