//! A whole sigstore in software, made with the library's pure functions and keys of the test: so that one
//! thing at a time can be broken in it, which the product itself never does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use der::{Decode, Encode};
use rcgen::{KeyPair, PublicKeyData, SigningKey};
use rootwright::pki::{Algorithm, Certificate, Document, Draft, PublicKey, Signature, certificate};
use rootwright::plan::prove::Provider;
use rootwright::plan::trust_root::Api;
use rootwright::plan::{Name, Plan, Source, Time};
use rootwright::prove::bundle::{self, Entry};
use rootwright::prove::checkpoint::{self, Origin};
use rootwright::prove::identity::Identity;
use rootwright::prove::log_entry::{self, INDEX, SIZE, Signed, Tree};
use rootwright::prove::subscriber::Subscriber;
use rootwright::prove::{issuer, leaf, sct, timestamp};
use rootwright::trust_root::{self, Material, log::Kind};
use serde_json::{Value, json};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::spki::{self, SubjectPublicKeyInfoRef};

pub const IDENTITY: &str = "canary@example.org";
pub const ISSUER: &str = "https://oauth2.example.org/auth";

/// Inside everything's window and validity.
pub fn noon() -> Time {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// The keys and certificates of the example plan, with dates in the past, and a Rekor v1 log beside the
/// other.
pub struct World {
    pub plan: Plan,
    keys: BTreeMap<Name, (PublicKey, KeyPair)>,
    certificates: BTreeMap<Name, Vec<u8>>,
}

/// Changes the bytes of a certificate before it is signed.
pub type Edit = fn(&str, Vec<u8>) -> Vec<u8>;

impl World {
    pub fn new() -> Self {
        Self::edited(|_, bytes| bytes)
    }

    pub fn edited(edit: Edit) -> Self {
        Self::planned(|text| text, edit)
    }

    /// A world of a plan that differs from the example.
    pub fn planned(change: impl Fn(String) -> String, edit: Edit) -> Self {
        let text = fs::read_to_string(super::repository().join("ceremony/sigstore.toml")).unwrap();
        let text = change(with_rekor_v1(&text).replace("2026-12-01", "2026-01-01"));
        let plan = Plan::parse(&Source::new("world.toml", text)).unwrap();
        let mut world = Self { plan, keys: BTreeMap::new(), certificates: BTreeMap::new() };
        let keys: Vec<(Name, Algorithm)> =
            world.plan.device_keys().map(|(name, _, algorithm)| (name.clone(), algorithm)).collect();
        for (name, algorithm) in keys {
            let algorithm = match algorithm {
                Algorithm::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
                Algorithm::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
                Algorithm::Ed25519 => &rcgen::PKCS_ED25519,
                other => panic!("no key of {other} in this world"),
            };
            let pair = KeyPair::generate_for(algorithm).unwrap();
            let public = PublicKey::from_spki(&pair.subject_public_key_info()).unwrap();
            world.keys.insert(name, (public, pair));
        }
        for name in ["root", "fulcio-2026", "tsa-2026", "tsa-signer-2026"] {
            world.issue(name, edit);
        }
        world
    }

    fn issue(&mut self, name: &str, edit: Edit) {
        let name: Name = name.parse().unwrap();
        let planned = &self.plan.certificates[&name];
        let issuer = planned.issuer.as_ref().map(|issuer| self.certificate(issuer.as_str()));
        let above =
            planned.issuer.as_ref().map_or(&*planned.key, |issuer| &self.plan.certificates[&**issuer].key);
        let request = certificate::Request {
            name: &name,
            planned,
            public: &self.key(planned.key.as_str()).0,
            issuer: issuer.as_ref(),
            cross: None,
            signer: (above, &self.key(above.as_str()).0),
            serial: certificate::serial([name.as_str().len().try_into().unwrap(); 20]),
            rehearsal: true,
        };
        let mut draft = certificate::draft(&request).unwrap();
        draft.bytes = edit(name.as_str(), draft.bytes);
        let der = self.sign(above.as_str(), &draft).der().to_vec();
        self.certificates.insert(name, der);
    }

    pub fn key(&self, name: &str) -> &(PublicKey, KeyPair) {
        &self.keys[&name.parse::<Name>().unwrap()]
    }

    pub fn certificate(&self, name: &str) -> Certificate {
        Certificate::from_der(&self.certificates[&name.parse::<Name>().unwrap()]).unwrap()
    }

    /// Signs a draft that no rule has seen.
    fn sign<T: Document>(&self, key: &str, draft: &Draft<T>) -> T {
        let signature = self.key(key).1.sign(&draft.bytes).unwrap();
        T::assemble(draft, &Signature(signature)).unwrap()
    }

    pub fn trusted_root(&self) -> Value {
        let keys = self.keys.iter().map(|(name, (public, _))| (name.clone(), public.clone())).collect();
        let material = Material { certificates: &self.certificates, keys: &keys };
        let root = trust_root::trusted_root(self.plan.trust_root.as_ref().unwrap(), &material).unwrap();
        serde_json::from_slice(&trust_root::to_json(&root)).unwrap()
    }
}

/// The example plan's text with a Rekor v1 log beside the other.
pub fn with_rekor_v1(text: &str) -> String {
    let key = "rekor-2026      = { device = \"issuing-hsm\", algorithm = \"ed25519\" }\n";
    let log = "[[trust-root.timestamp-authorities]]";
    assert!(text.contains(key) && text.contains(log), "the example has another shape");
    text.replace(key, &format!("{key}rekor-v1 = {{ device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }}\n"))
        .replace(
            log,
            &format!(
                "[[trust-root.transparency-logs]]\nkey = \"rekor-v1\"\nurl = \"https://rekor.example.org\"\napi = 1\ntrust = {{ from = \"2026-12-01T00:00:00Z\" }}\n\n{log}"
            ),
        )
}

/// How one bundle is made. What is not changed is as it should be.
pub struct Recipe<'a> {
    pub world: &'a World,
    pub stranger: &'a World,
    pub api: Api,
    /// The certificate's beginning, and when everything is signed.
    pub at: Time,
    /// When the timestamp or the log says that it was signed.
    pub signed_at: Time,
    /// The certificate that issues.
    pub issuer: &'a str,
    /// Changes the developer's certificate before it is signed; the log sees it changed.
    pub leaf: fn(Vec<u8>) -> Vec<u8>,
    /// The certificate is without a promise.
    pub no_sct: bool,
    /// Changes what the certificate log promises.
    pub promised: fn(Vec<u8>) -> Vec<u8>,
    /// The keys that sign as another world's of the same name.
    pub foreign: &'a [&'a str],
    /// The host in the checkpoint.
    pub origin: Option<&'a str>,
    /// What is stamped instead of the signature.
    pub stamped: Option<&'a [u8]>,
    /// What is logged as signed instead of the artifact.
    pub logged: Option<&'a [u8]>,
    /// Whether the bundle has a timestamp.
    pub timestamp: bool,
    /// What the developer signed instead of the artifact.
    pub signed: Option<&'a [u8]>,
    /// Changes to the files.
    pub bundle: fn(&mut Value),
    pub root: fn(&mut Value, &World),
    pub identity: (&'a str, &'a str),
    pub artifact: &'a [u8],
}

pub const ARTIFACT: &[u8] = b"a canary of the tests\n";

impl<'a> Recipe<'a> {
    pub fn new(world: &'a World, stranger: &'a World) -> Self {
        Self {
            world,
            stranger,
            api: Api::V2,
            at: noon(),
            signed_at: noon(),
            issuer: "fulcio-2026",
            leaf: |bytes| bytes,
            no_sct: false,
            promised: |bytes| bytes,
            foreign: &[],
            origin: None,
            stamped: None,
            logged: None,
            timestamp: true,
            signed: None,
            bundle: |_| {},
            root: |_, _| {},
            identity: (IDENTITY, ISSUER),
            artifact: ARTIFACT,
        }
    }

    /// The world whose key of this name signs.
    fn signer(&self, key: &str) -> &World {
        if self.foreign.contains(&key) { self.stranger } else { self.world }
    }

    fn sign<T: Document>(&self, key: &str, draft: &Draft<T>) -> T {
        self.signer(key).sign(key, draft)
    }

    /// Makes the bundle, and writes it with all that belongs to it into a folder.
    pub fn write(&self, folder: &Path) {
        let world = self.world;
        let claims = issuer::claims(Provider::Email, IDENTITY, ISSUER, self.at).unwrap();
        let identity = Identity::of(Provider::Email, &claims).unwrap();
        let developer = Subscriber::new().unwrap();
        let issuing = world.certificate(self.issuer);
        let issuing_key: Name = self.issuer.parse().unwrap();
        let request = leaf::Request {
            canary: "canary-0",
            identity: &identity,
            public: developer.public(),
            issuer: &issuing,
            signer: (&issuing_key, &world.key(self.issuer).0),
            serial: certificate::serial([7; 20]),
            from: self.at,
            rehearsal: true,
        };
        let covered = (self.promised)((self.leaf)(leaf::unpoisoned(&request).unwrap()));
        let ct: Name = "ctlog-2026".parse().unwrap();
        let promise = sct::draft(
            "canary-0",
            covered,
            request.signer.1,
            (self.at, self.at),
            (&ct, &world.key(ct.as_str()).0),
        )
        .unwrap();
        let promise = self.sign("ctlog-2026", &promise);
        let mut draft = leaf::certificate(&request, &promise).unwrap();
        if self.no_sct {
            draft.bytes = leaf::unpoisoned(&request).unwrap();
        }
        draft.bytes = (self.leaf)(draft.bytes);
        let certificate = self.sign(self.issuer, &draft).0;
        let signature = developer.sign(self.signed.unwrap_or(ARTIFACT)).unwrap();
        let signed = Signed { artifact: ARTIFACT, signature: &signature, certificate: &certificate };
        let logged = Signed { artifact: self.logged.unwrap_or(ARTIFACT), ..signed };
        let entry = self.entry(&logged);
        let stamp = self.stamp(self.stamped.unwrap_or(&signature));
        let stamps: &[&[u8]] = if self.timestamp { &[&stamp] } else { &[] };
        let mut bundle: Value = serde_json::from_slice(&bundle::bundle(&signed, &entry, stamps)).unwrap();
        (self.bundle)(&mut bundle);
        let mut root = world.trusted_root();
        (self.root)(&mut root, self.stranger);
        let (name, issuer) = self.identity;
        fs::create_dir_all(folder).unwrap();
        let files = [
            (bundle::FILE, bundle.to_string()),
            ("trusted_root.json", root.to_string()),
            ("identity.json", json!({"identity": name, "issuer": issuer, "time": self.at}).to_string()),
        ];
        for (file, text) in files {
            fs::write(folder.join(file), text).unwrap();
        }
        fs::write(folder.join("artifact"), self.artifact).unwrap();
    }

    fn entry(&self, signed: &Signed<'_>) -> Entry {
        let (key, host, kind) = match self.api {
            Api::V1 => ("rekor-v1", "rekor.example.org", Kind::RekorV1),
            Api::V2 => ("rekor-2026", "rekor2026.example.org", Kind::RekorV2),
        };
        let (name, public) = (key.parse::<Name>().unwrap(), &self.world.key(key).0);
        let mut origin = Origin::new(kind, host, public);
        if let Some(host) = self.origin {
            origin.host = host.into();
        }
        let body = log_entry::body(self.api, signed).unwrap();
        let tree = Tree::with(&body);
        let draft = checkpoint::draft("canary-0", &origin, (INDEX, SIZE), tree.root, (&name, public));
        let checkpoint = self.sign(key, &draft).0;
        let promise = (self.api == Api::V1).then(|| {
            let context = log_entry::Context {
                body: body.clone(),
                time: self.signed_at,
                log_id: origin.log_id,
                from: self.at,
            };
            let draft = log_entry::promise("canary-0", context, (&name, public)).unwrap();
            // The promise's own key, so that a test can break it alone.
            let signer = if self.foreign.contains(&"promise") { self.stranger } else { self.world };
            (self.signed_at, signer.sign(key, &draft).0)
        });
        Entry { api: self.api, log_id: origin.log_id, body, tree, checkpoint, promise }
    }

    fn stamp(&self, stamped: &[u8]) -> Vec<u8> {
        let name: Name = "tsa-signer-2026".parse().unwrap();
        let chain = ["tsa-signer-2026", "tsa-2026"].map(|name| self.world.certificate(name));
        let request = timestamp::Request {
            canary: "canary-0",
            stamped,
            time: self.signed_at,
            serial: certificate::serial([8; 20]),
            chain: &chain,
            signer: (&name, &self.world.key(name.as_str()).0),
        };
        self.sign(name.as_str(), &timestamp::draft(&request).unwrap()).0
    }
}

/// The same certificate with other extensions.
pub fn rebuild(bytes: &[u8], edit: impl Fn(&mut Vec<Extension>)) -> Vec<u8> {
    struct Own(TbsCertificate, Vec<Extension>);
    impl BuilderProfile for Own {
        fn get_issuer(&self, _: &x509_cert::name::Name) -> x509_cert::name::Name {
            self.0.issuer().clone()
        }
        fn get_subject(&self) -> x509_cert::name::Name {
            self.0.subject().clone()
        }
        fn build_extensions(
            &self,
            _: SubjectPublicKeyInfoRef<'_>,
            _: SubjectPublicKeyInfoRef<'_>,
            _: &TbsCertificate,
        ) -> x509_cert::builder::Result<Vec<Extension>> {
            Ok(self.1.clone())
        }
    }
    // Only the algorithm of whoever signs is read.
    #[derive(Clone)]
    struct Algorithm(spki::AlgorithmIdentifierOwned, Vec<u8>);
    impl p256::ecdsa::signature::Keypair for Algorithm {
        type VerifyingKey = Self;
        fn verifying_key(&self) -> Self {
            self.clone()
        }
    }
    impl spki::DynSignatureAlgorithmIdentifier for Algorithm {
        fn signature_algorithm_identifier(&self) -> spki::Result<spki::AlgorithmIdentifierOwned> {
            Ok(self.0.clone())
        }
    }
    impl spki::EncodePublicKey for Algorithm {
        fn to_public_key_der(&self) -> spki::Result<der::Document> {
            Ok(der::Document::try_from(self.1.as_slice())?)
        }
    }
    let tbs = TbsCertificate::from_der(bytes).unwrap();
    let mut extensions = tbs.extensions().cloned().unwrap_or_default();
    edit(&mut extensions);
    let spki = tbs.subject_public_key_info().clone();
    let signer = Algorithm(tbs.signature().clone(), spki.to_der().unwrap());
    let (serial, validity) = (tbs.serial_number().clone(), *tbs.validity());
    let mut builder = CertificateBuilder::new(Own(tbs, extensions), serial, validity, spki).unwrap();
    builder.finalize(&signer).unwrap()
}
