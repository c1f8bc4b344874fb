//! Protobuf JSON as every stock client takes it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sigstore_protobuf_specs::dev::sigstore::trustroot::v1::{
    CertificateAuthority, Service, ServiceConfiguration, SigningConfig, TransparencyLogInstance, TrustedRoot,
};

/// A file that clients load: its name as a TUF target, and its JSON.
pub trait ClientFile: DeserializeOwned + Clone + std::fmt::Debug {
    /// The file's name, as clients ask for it.
    const FILE: &'static str;

    /// What stands in the file, in the order in which it is written.
    type Written<'a>: Serialize
    where
        Self: 'a;

    /// The message with every list that a client demands.
    fn written(&self) -> Self::Written<'_>;

    /// Reads protobuf JSON; a field that the message does not have is an error.
    fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

/// A trusted root with all its lists: sigstore-python refuses one that is left out, even where it is
/// empty, and the protobuf writer leaves empty ones out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenRoot<'a> {
    media_type: &'a str,
    tlogs: &'a [TransparencyLogInstance],
    certificate_authorities: &'a [CertificateAuthority],
    ctlogs: &'a [TransparencyLogInstance],
    timestamp_authorities: &'a [CertificateAuthority],
}

impl ClientFile for TrustedRoot {
    const FILE: &'static str = "trusted_root.json";
    type Written<'a> = WrittenRoot<'a>;

    fn written(&self) -> WrittenRoot<'_> {
        WrittenRoot {
            media_type: &self.media_type,
            tlogs: &self.tlogs,
            certificate_authorities: &self.certificate_authorities,
            ctlogs: &self.ctlogs,
            timestamp_authorities: &self.timestamp_authorities,
        }
    }
}

/// A signing config with all its lists.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenConfig<'a> {
    media_type: &'a str,
    ca_urls: &'a [Service],
    oidc_urls: &'a [Service],
    rekor_tlog_urls: &'a [Service],
    #[serde(skip_serializing_if = "Option::is_none")]
    rekor_tlog_config: &'a Option<ServiceConfiguration>,
    tsa_urls: &'a [Service],
    #[serde(skip_serializing_if = "Option::is_none")]
    tsa_config: &'a Option<ServiceConfiguration>,
}

impl ClientFile for SigningConfig {
    const FILE: &'static str = "signing_config.v0.2.json";
    type Written<'a> = WrittenConfig<'a>;

    fn written(&self) -> WrittenConfig<'_> {
        WrittenConfig {
            media_type: &self.media_type,
            ca_urls: &self.ca_urls,
            oidc_urls: &self.oidc_urls,
            rekor_tlog_urls: &self.rekor_tlog_urls,
            rekor_tlog_config: &self.rekor_tlog_config,
            tsa_urls: &self.tsa_urls,
            tsa_config: &self.tsa_config,
        }
    }
}

/// The file's bytes: two spaces of indentation, one newline at the end, fields in the order of the
/// protobuf definition.
pub fn to_json<T: ClientFile>(file: &T) -> Vec<u8> {
    pretty(&file.written())
}

/// The file in which clients take a trusted root and a signing config together
/// (`application/vnd.dev.sigstore.clienttrustconfig.v0.1+json`), from the texts of the two as [`to_json`] writes
/// them. They stand in it as they are, further to the right: reading them as protobuf takes longer than all the
/// rest of an archive. None where one of them is no JSON.
pub fn client_trust_config(trusted_root: &str, signing_config: &str) -> Option<Vec<u8>> {
    let inner = |text: &str| {
        serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
        // No text in JSON has a newline of its own.
        Some(text.trim_end().replace('\n', "\n  "))
    };
    let (root, config) = (inner(trusted_root)?, inner(signing_config)?);
    let media_type = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";
    let text = format!(
        "{{\n  \"mediaType\": \"{media_type}\",\n  \"trustedRoot\": {root},\n  \"signingConfig\": {config}\n}}\n"
    );
    Some(text.into_bytes())
}

fn pretty(value: &impl Serialize) -> Vec<u8> {
    // Fails only for times outside of the years 1 to 9999, which a plan can't name; the rules then
    // refuse the empty file as unreadable.
    let mut json = serde_json::to_vec_pretty(value).unwrap_or_default();
    json.push(b'\n');
    json
}
