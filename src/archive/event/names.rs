//! What events are called, and which step each belongs to.

use super::Event;

impl Event {
    /// The step that the event belongs to, if it belongs to one.
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::KeyIntended { step, .. }
            | Self::KeyMade { step, .. }
            | Self::CopyIntended { step, .. }
            | Self::CopyMade { step, .. }
            | Self::SignatureIntended { step, .. }
            | Self::SignatureRepeated { step, .. }
            | Self::CertificateSigned { step, .. }
            | Self::CsrSigned { step, .. }
            | Self::CrlSigned { step, .. }
            | Self::TrustRootAssembled { step, .. }
            | Self::TargetTaken { step, .. }
            | Self::MetadataSigned { step, .. }
            | Self::MetadataPublished { step, .. }
            | Self::CanarySigned { step, .. }
            | Self::SealSigned { step, .. } => Some(step),
            Self::CeremonyStarted { .. }
            | Self::MachineChecked { .. }
            | Self::ClockRead { .. }
            | Self::Confirmed { .. }
            | Self::DeviationRecorded { .. }
            | Self::RefusalRecorded { .. }
            | Self::DeviceOpened { .. }
            | Self::HalfKeyDiscarded { .. }
            | Self::SignatureRequested { .. }
            | Self::ResponseTaken { .. }
            | Self::CeremonyFinished { .. }
            | Self::CanaryStarted { .. }
            | Self::CanaryFinished { .. }
            | Self::ApprovalRecorded { .. }
            | Self::ProofRecorded { .. }
            | Self::ToolIdentified { .. }
            | Self::MachineDescribed { .. }
            | Self::DeviceInventoried { .. }
            | Self::DeviceProbed { .. }
            | Self::OperationsCounted { .. }
            | Self::ObservationRecorded { .. }
            | Self::InventoryMade { .. }
            | Self::SealStarted { .. }
            | Self::JournalTorn { .. } => None,
        }
    }

    /// The event's name, as the journal writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CeremonyStarted { .. } => "ceremony-started",
            Self::MachineChecked { .. } => "machine-checked",
            Self::ClockRead { .. } => "clock-read",
            Self::Confirmed { .. } => "confirmed",
            Self::DeviationRecorded { .. } => "deviation-recorded",
            Self::RefusalRecorded { .. } => "refusal-recorded",
            Self::DeviceOpened { .. } => "device-opened",
            Self::KeyIntended { .. } => "key-intended",
            Self::HalfKeyDiscarded { .. } => "half-key-discarded",
            Self::KeyMade { .. } => "key-made",
            Self::CopyIntended { .. } => "copy-intended",
            Self::CopyMade { .. } => "copy-made",
            Self::SignatureIntended { .. } => "signature-intended",
            Self::SignatureRepeated { .. } => "signature-repeated",
            Self::CertificateSigned { .. } => "certificate-signed",
            Self::CsrSigned { .. } => "csr-signed",
            Self::CrlSigned { .. } => "crl-signed",
            Self::TrustRootAssembled { .. } => "trust-root-assembled",
            Self::TargetTaken { .. } => "target-taken",
            Self::MetadataSigned { .. } => "metadata-signed",
            Self::SignatureRequested { .. } => "signature-requested",
            Self::ResponseTaken { .. } => "response-taken",
            Self::MetadataPublished { .. } => "metadata-published",
            Self::CeremonyFinished { .. } => "ceremony-finished",
            Self::CanaryStarted { .. } => "canary-started",
            Self::CanarySigned { .. } => "canary-signed",
            Self::CanaryFinished { .. } => "canary-finished",
            Self::ApprovalRecorded { .. } => "approval-recorded",
            Self::ProofRecorded { .. } => "proof-recorded",
            Self::ToolIdentified { .. } => "tool-identified",
            Self::MachineDescribed { .. } => "machine-described",
            Self::DeviceInventoried { .. } => "device-inventoried",
            Self::DeviceProbed { .. } => "device-probed",
            Self::OperationsCounted { .. } => "operations-counted",
            Self::ObservationRecorded { .. } => "observation-recorded",
            Self::InventoryMade { .. } => "inventory-made",
            Self::SealStarted { .. } => "seal-started",
            Self::SealSigned { .. } => "seal-signed",
            Self::JournalTorn { .. } => "journal-torn",
        }
    }
}
