//! Every single change to a certificate that changes its meaning is caught: in a draft by a rule, in a
//! signed certificate or CRL by `verify`. Exhaustive: every bit, and every element of the structure.

mod support;

use std::sync::Mutex;
use std::thread;

use der::{Decode, Encode, Tagged};
use rootwright::pki::{Certificate, Draft};
use rootwright::verify::crl;
use rootwright::verify::parsed::Parsed;
use rootwright::verify::path::{self, Question};
use support::drafts::{self, Made};
use support::rehearsed;

const PLAN: &str = "ceremony/sigstore.toml";

/// Runs a check over a list on every core, and gives what it says, in no order.
fn on_every_core<T: Send, R: Send>(list: Vec<T>, check: impl Fn(T) -> Option<R> + Sync) -> Vec<R> {
    let (list, found) = (Mutex::new(list), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let Some(next) = list.lock().unwrap().pop() else { return };
            if let Some(result) = check(next) {
                found.lock().unwrap().push(result);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, |count| count.get().min(8)) {
            scope.spawn(work);
        }
    });
    found.into_inner().unwrap()
}

/// Every bit of some bytes, flipped.
fn flips(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let flip = |bit: usize| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 0x80 >> (bit % 8);
        (bit, changed)
    };
    (0..bytes.len() * 8).map(flip).collect()
}

/// Whether a rule stops the draft that has these bytes.
fn stopped(draft: &Draft<Certificate>, bytes: Vec<u8>) -> bool {
    drafts::lint(&Draft { bytes, ..draft.clone() }).stop()
}

/// The bits of a draft that were drawn at random: the serial number, but for its two top bits.
fn random_bits(draft: &Draft<Certificate>) -> std::ops::Range<usize> {
    let tbs = x509_cert::certificate::TbsCertificate::from_der(&draft.bytes).unwrap();
    let serial = tbs.serial_number().as_bytes().to_vec();
    let at = position(&draft.bytes, &serial);
    at * 8 + 2..(at + serial.len()) * 8
}

/// Bits that no reader takes for anything: the padding of key usage, and how long it is. A rule may find
/// them, and does not have to; `verify` does.
fn padding(draft: &Draft<Certificate>) -> Vec<usize> {
    // id-ce-keyUsage, critical, OCTET STRING of 4, BIT STRING of 2: the count of unused bits, the bits.
    let head = [0x55, 0x1d, 0x0f, 1, 1, 0xff, 4, 4, 3, 2];
    let at = position(&draft.bytes, &head) + head.len();
    let unused = usize::from(draft.bytes[at]);
    (at * 8..at * 8 + 8).chain(at * 8 + 16 - unused..at * 8 + 16).collect()
}

fn position(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).unwrap()
}

#[test]
fn every_bit_of_a_draft_is_held_by_a_rule() {
    for Made { name, draft, .. } in drafts::made(rehearsed(PLAN)) {
        assert!(!stopped(&draft, draft.bytes.clone()));
        let (random, padding) = (random_bits(&draft), padding(&draft));
        assert_eq!(random.len(), 158, "{name}");
        let missed = on_every_core(flips(&draft.bytes), |(bit, bytes)| {
            // Another serial number is as good as this one; that it is new is the archive's to see.
            let free = random.contains(&bit);
            (stopped(&draft, bytes) == free && !padding.contains(&bit)).then_some((bit, free))
        });
        assert_eq!(missed, [], "{name}: bits that no rule holds; or (true) random ones that one does");
    }
}

/// An element of DER: its tag, and its content or the elements in it.
#[derive(Clone, PartialEq)]
struct Element {
    tag: Vec<u8>,
    content: Vec<u8>,
    within: Option<Vec<Element>>,
}

impl Element {
    /// Reads elements, those in constructed ones and in octet strings that hold some too.
    fn list(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let mut list = Vec::new();
        while !bytes.is_empty() {
            let (any, rest) = der::Any::from_der_partial(bytes).ok()?;
            let der = any.to_der().ok()?;
            let tag = der[..1].to_vec();
            let content = any.value().to_vec();
            let holds = tag[0] & 0x20 != 0 || any.tag() == der::Tag::OctetString;
            let within = if holds { Self::list(&content) } else { None };
            list.push(Self { tag, content, within });
            bytes = rest;
        }
        Some(list)
    }

    fn der(&self) -> Vec<u8> {
        let content = match &self.within {
            Some(within) => within.iter().flat_map(Self::der).collect(),
            None => self.content.clone(),
        };
        let length = der::Length::try_from(content.len()).unwrap().to_der().unwrap();
        [self.tag.as_slice(), &length, &content].concat()
    }
}

/// Where extensions stand in a draft: `[3]`, the sequence in it, and their number.
const EXTENSIONS: &str = "/7/0/";

const EXCHANGED: &str = "exchanged with the next";

/// Every element left out, doubled, emptied, exchanged with the next; what is changed, and the bytes.
fn restructured(root: &Element) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    change(root, &mut |changed| changed, String::new(), &mut found);
    found
}

fn change(
    element: &Element,
    rebuild: &mut dyn FnMut(Element) -> Element,
    place: String,
    found: &mut Vec<(String, Vec<u8>)>,
) {
    let empty = Element { content: Vec::new(), within: None, ..element.clone() };
    found.push((format!("{place} emptied"), rebuild(empty).der()));
    let Some(within) = &element.within else { return };
    for at in 0..within.len() {
        let place = format!("{place}/{at}");
        let mut with = |what: &str, edit: &dyn Fn(&mut Vec<Element>)| {
            let mut list = within.clone();
            edit(&mut list);
            let changed = Element { within: Some(list), ..element.clone() };
            found.push((format!("{place} {what}"), rebuild(changed).der()));
        };
        with("left out", &|list| drop(list.remove(at)));
        with("doubled", &|list| list.insert(at, list[at].clone()));
        if at + 1 < within.len() && within[at] != within[at + 1] {
            with(EXCHANGED, &|list| list.swap(at, at + 1));
        }
        let mut below = |inner: Element| {
            let mut list = within.clone();
            list[at] = inner;
            rebuild(Element { within: Some(list), ..element.clone() })
        };
        change(&within[at], &mut below, place, found);
    }
}

#[test]
fn every_element_of_a_draft_is_held_by_a_rule() {
    for Made { name, draft, .. } in drafts::made(rehearsed(PLAN)) {
        let root = Element::list(&draft.bytes).unwrap().remove(0);
        assert_eq!(root.der(), draft.bytes);
        let changes = restructured(&root);
        assert!(changes.len() > 150, "{name}: {} changes", changes.len());
        let missed = on_every_core(changes, |(what, bytes)| {
            // Extensions may stand in any order.
            let order = what.starts_with(EXTENSIONS) && what.ends_with(EXCHANGED);
            let order = order && what.matches('/').count() == EXTENSIONS.matches('/').count();
            (bytes != draft.bytes && !stopped(&draft, bytes) && !order).then_some(what)
        });
        assert!(missed.is_empty(), "{name}: {missed:#?}");
    }
}

/// Whether `verify` finds a path from a certificate of the archive, put in place of another, to a root.
fn path(name: &str, der: &[u8], all: &[Made]) -> Result<(), String> {
    let own = Parsed::read(der)?;
    let others: Vec<Parsed<'_>> =
        all.iter().filter(|made| made.name != name).map(|made| Parsed::read(&made.der).unwrap()).collect();
    let others: Vec<&Parsed<'_>> = others.iter().collect();
    let mut anchors: Vec<&Parsed<'_>> =
        others.iter().copied().filter(|other| other.is_self_issued()).collect();
    // In an archive a root is its own anchor.
    if all.iter().any(|made| made.name == name && made.draft.context.issuer.is_none()) {
        anchors = vec![&own];
    }
    path::build(&own, &others, &anchors, &Question::default()).map(|_| ())
}

#[test]
fn every_bit_of_a_certificate_is_held_by_its_signature() {
    let all = drafts::made(rehearsed(PLAN));
    for Made { name, der, .. } in &all {
        path(name, der, &all).unwrap();
        let missed = on_every_core(flips(der), |(bit, der)| path(name, &der, &all).is_ok().then_some(bit));
        assert!(missed.is_empty(), "{}: {missed:?}", format_args!("{name}: bits that do not matter"));
    }
}

#[test]
fn every_bit_of_a_crl_is_held_by_its_signature() {
    let all = drafts::made(rehearsed(PLAN));
    let crl = std::fs::read(rehearsed(PLAN).join("crls/root-1.crl")).unwrap();
    let (_, list) = x509_parser::parse_x509_crl(&crl).unwrap();
    let at = list.last_update().timestamp();
    let issuer = Parsed::read(&all[0].der).unwrap();
    assert_eq!(crl::revoked(&crl, &issuer, at), Ok(Vec::new()));
    let missed =
        on_every_core(flips(&crl), |(bit, crl)| crl::revoked(&crl, &issuer, at).is_ok().then_some(bit));
    assert!(missed.is_empty(), "{}: {missed:?}", format_args!("bits that do not matter"));
}
