//! Cross-certificates that repeat something else than what they cross-sign.

use der::oid::AssociatedOid;
use der::oid::db::rfc5280::ID_KP_CODE_SIGNING;
use der::{Decode, Encode};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::change::{policies, replace, swap, with_extensions};
use super::drafts::{certificate, cross_signed};
use crate::pki::{Certificate, Draft};

/// One thing that is wrong in each, and the rule that says so.
pub(super) fn rejected() -> Vec<(&'static str, Draft<Certificate>)> {
    let crossed = cross_signed();
    let [root, inter, _, _, root_2, cross, root_by_2, _] = <[_; 8]>::try_from(crossed).unwrap();
    let of = |draft: &Draft<Certificate>, other: &Draft<Certificate>| {
        let mut draft = draft.clone();
        draft.context.cross = Some(certificate(other));
        draft
    };
    let without = |draft: &Draft<Certificate>| {
        with_extensions(draft, |list| list.retain(|found| found.extn_id != ExtendedKeyUsage::OID))
    };
    let shorter = {
        let end = TbsCertificate::from_der(&inter.bytes).unwrap().validity().not_after.to_der().unwrap();
        of(&cross, &replace(&inter, &end, b"\x17\x0d280101000000Z"))
    };
    vec![
        // A cross-sign that lacks a purpose.
        ("CHAIN-CROSS-MIRRORS", without(&cross)),
        ("CERT-EKU", without(&cross)),
        ("CERT-EKU", without(&root_by_2)),
        ("CERT-EKU", swap(&root_by_2, false, &ExtendedKeyUsage(vec![ID_KP_CODE_SIGNING]))),
        ("CHAIN-CROSS-MIRRORS", swap(&cross, false, &policies(&["2.5.29.32.0"]))),
        // Another certificate's subject and key, and those of a root that stays one.
        ("CHAIN-CROSS-SAME", of(&cross, &root_2)),
        ("CHAIN-CROSS-SAME", of(&root_by_2, &root_2)),
        ("CHAIN-CROSS-SAME", of(&root, &root)),
        ("CHAIN-CROSS-OTHER-ISSUER", of(&inter, &inter)),
        ("CHAIN-CROSS-LIFE", shorter),
    ]
}
