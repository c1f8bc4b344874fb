//! RFC 3161 timestamps: a CMS message, its signer, and the moment that it names.

use aws_lc_rs::digest::{self, digest};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::AlgorithmIdentifier;

use super::certificate::{listed, named, octets, parse};
use super::tlv::{self, CONTEXT_0, GENERALIZED_TIME, INTEGER, OCTETS, OID, SEQUENCE, SET, Tlv};
use super::{Judged, within};
use crate::plan::Time;
use crate::trust_root::TrustedRoot;
use crate::verify::signature::{Key, sha256};

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const SHA384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];

/// A timestamp as it was read.
struct Token<'a> {
    info: &'a [u8],
    signer: &'a [u8],
    digest: &'a [u8],
    attributes: Tlv<'a>,
    algorithm: Tlv<'a>,
    signature: &'a [u8],
}

/// Verifies a timestamp over `stamped` by an authority of the trusted root. What is given back is the
/// moment, and the signer's certificate.
pub(in crate::prove) fn check(
    root: &TrustedRoot,
    response: &[u8],
    stamped: &[u8],
) -> Judged<(Time, Vec<u8>)> {
    let token = read(response).ok_or("the timestamp is no granted RFC 3161 response")?;
    let time = imprint(token.info, stamped)?;
    bound(&token)?;
    let mut why = "no authority of the trusted root signed the timestamp".to_string();
    for authority in &root.timestamp_authorities {
        let ders: Vec<&[u8]> = authority
            .cert_chain
            .iter()
            .flat_map(|chain| &chain.certificates)
            .map(|one| one.raw_bytes.as_slice())
            .collect();
        let chain = ders.iter().map(|der| parse(der)).collect::<Judged<Vec<_>>>()?;
        let Some(signer) = chain.first().filter(|signer| named(signer) == token.signer) else { continue };
        let judged = purpose(signer)
            .and_then(|()| listed(&chain, time))
            .and_then(|()| within(authority.valid_for.as_ref(), time))
            .and_then(|()| signed(&token, signer));
        match judged {
            Ok(()) => return Ok((time, ders.first().map(|der| der.to_vec()).unwrap_or_default())),
            Err(reason) => why = format!("the timestamp's signer {}: {reason}", signer.subject()),
        }
    }
    Err(why)
}

/// TimeStampResp, ContentInfo, SignedData, SignerInfo.
fn read(response: &[u8]) -> Option<Token<'_>> {
    let parts = tlv::all(tlv::only(response, SEQUENCE)?.content)?;
    let [status, token] = parts.as_slice() else { return None };
    let (granted, _) = tlv::first(status.content)?;
    if granted.tag != INTEGER || !matches!(granted.content, [0 | 1]) {
        return None;
    }
    let parts = tlv::all(token.content)?;
    let [kind, data] = parts.as_slice() else { return None };
    let data = (kind.content == SIGNED_DATA && data.tag == CONTEXT_0).then_some(data.content)?;
    let parts = tlv::all(tlv::only(data, SEQUENCE)?.content)?;
    let (content, signers) = (parts.get(2)?, parts.last()?);
    let encapsulated = tlv::all(content.content)?;
    let [kind, info] = encapsulated.as_slice() else { return None };
    let info = (kind.content == TST_INFO && info.tag == CONTEXT_0).then_some(info.content)?;
    let info = octets(info)?;
    let signers = (signers.tag == SET).then(|| tlv::all(signers.content)).flatten()?;
    let [signer] = signers.as_slice() else { return None };
    let parts = tlv::all(signer.content)?;
    let [_, signer, digest, attributes, algorithm, signature, ..] = parts.as_slice() else { return None };
    let digest = tlv::first(digest.content).filter(|(id, _)| id.tag == OID)?.0.content;
    (attributes.tag == CONTEXT_0 && signature.tag == OCTETS).then_some(Token {
        info,
        signer: signer.content,
        digest,
        attributes: *attributes,
        algorithm: *algorithm,
        signature: signature.content,
    })
}

/// What the timestamp is of, and the moment that it names.
fn imprint(info: &[u8], stamped: &[u8]) -> Judged<Time> {
    let malformed = || "the timestamp's TSTInfo is malformed".to_string();
    let fields = tlv::only(info, SEQUENCE).and_then(|info| tlv::all(info.content)).ok_or_else(malformed)?;
    let [_, _, imprint, _, time, ..] = fields.as_slice() else { return Err(malformed()) };
    let parts = tlv::all(imprint.content).ok_or_else(malformed)?;
    let [algorithm, hash] = parts.as_slice() else { return Err(malformed()) };
    let known = tlv::first(algorithm.content).is_some_and(|(id, _)| id.content == SHA256);
    if !known || hash.content != sha256(stamped).as_ref() {
        return Err("the timestamp is of another signature".into());
    }
    if time.tag != GENERALIZED_TIME {
        return Err(malformed());
    }
    let text = std::str::from_utf8(time.content).ok().and_then(|text| text.strip_suffix('Z'));
    let digits = text.filter(|text| text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit()));
    let part = |from: usize, to: usize| digits.and_then(|text| text.get(from..to)).unwrap_or_default();
    let (day, clock) = ((part(0, 4), part(4, 6), part(6, 8)), (part(8, 10), part(10, 12), part(12, 14)));
    format!("{}-{}-{}T{}:{}:{}Z", day.0, day.1, day.2, clock.0, clock.1, clock.2).parse()
}

/// The signed attributes are about this TSTInfo.
fn bound(token: &Token<'_>) -> Judged<()> {
    let attributes = tlv::all(token.attributes.content).unwrap_or_default();
    let value = |wanted: &[u8]| {
        attributes.iter().find_map(|attribute| {
            let parts = tlv::all(attribute.content)?;
            let [id, values] = parts.as_slice() else { return None };
            (id.content == wanted)
                .then(|| tlv::first(values.content))
                .flatten()
                .map(|(value, _)| value.content)
        })
    };
    let algorithm = match token.digest {
        found if found == SHA256 => &digest::SHA256,
        found if found == SHA384 => &digest::SHA384,
        found if found == SHA512 => &digest::SHA512,
        _ => return Err("the timestamp's digest algorithm is not known here".into()),
    };
    let hash = digest(algorithm, token.info);
    if value(CONTENT_TYPE) != Some(TST_INFO) || value(MESSAGE_DIGEST) != Some(hash.as_ref()) {
        return Err("the timestamp's signed attributes are about something else".into());
    }
    Ok(())
}

/// RFC 3161, 2.3: for timestamps and nothing else, and critically.
fn purpose(signer: &X509Certificate<'_>) -> Judged<()> {
    let purpose = signer.extended_key_usage().map_err(|error| error.to_string())?;
    match purpose {
        Some(found) if found.value.time_stamping && found.critical => Ok(()),
        Some(found) if found.value.time_stamping => Err("its extended key usage is not critical".into()),
        _ => Err("it is not for timestamps".into()),
    }
}

/// What is signed are the attributes under the tag of a SET (RFC 5652, 5.4).
fn signed(token: &Token<'_>, signer: &X509Certificate<'_>) -> Judged<()> {
    let said = tlv::wrap(SET, token.attributes.content);
    let key = Key::of(signer.public_key())?;
    let named = AlgorithmIdentifier::from_der(token.algorithm.whole);
    if !named.is_ok_and(|(rest, algorithm)| rest.is_empty() && key.kind.goes_with(&algorithm)) {
        return Err("its signature algorithm is not that of its key".into());
    }
    key.verify(&said, token.signature)
}
