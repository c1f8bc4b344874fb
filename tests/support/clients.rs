//! The stock clients, put in front of a trust root: where they are, what serves them, and what they
//! say of it. The programs themselves are in tests/clients; `softhsm-setup/test.sh` installs them.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Long enough for a slow machine, short enough to notice a client that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The targets that a sigstore client fetches.
pub const TARGETS: [&str; 2] = ["trusted_root.json", "signing_config.v0.2.json"];

/// What a client said.
#[derive(Debug)]
pub enum Verdict {
    Accepted,
    /// in the client's own words
    Refused(String),
}

impl Verdict {
    #[track_caller]
    pub fn accepted(&self, by: &dyn std::fmt::Debug) {
        if let Self::Refused(why) = self {
            panic!("{by:?} refused: {why}");
        }
    }

    /// Refused, and for a reason that holds one of these phrases: a refusal for any other reason
    /// would say nothing about what the test is for.
    #[track_caller]
    pub fn refused(&self, by: &dyn std::fmt::Debug, phrases: &[&str]) {
        match self {
            Self::Accepted => panic!("{by:?} accepted what it had to refuse for {phrases:?}"),
            Self::Refused(why) if phrases.iter().any(|phrase| why.contains(phrase)) => {}
            Self::Refused(why) => panic!("{by:?} refused for another reason than {phrases:?}: {why}"),
        }
    }
}

/// A program that fetches targets by TUF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetcher {
    PythonTuf,
    TufJs,
    Tough,
}

/// One TUF client, with a memory that lasts from one fetch to the next.
pub struct TufClient {
    pub fetcher: Fetcher,
    trusted: PathBuf,
    home: TempDir,
}

impl TufClient {
    /// One of each, trusting `root` to begin with.
    pub fn one_of_each(root: &Path) -> [Self; 3] {
        [Fetcher::PythonTuf, Fetcher::TufJs, Fetcher::Tough].map(|fetcher| {
            let home = tempfile::tempdir().unwrap();
            let trusted = home.path().join("trusted-root.json");
            fs::copy(root, &trusted).unwrap();
            Self { fetcher, trusted, home }
        })
    }

    /// Refresh everything from the server, then fetch both targets.
    pub fn fetch(&self, server: &FileServer) -> Verdict {
        self.fetch_all(server, &TARGETS)
    }

    /// Refresh everything from the server, then fetch these targets.
    pub fn fetch_all(&self, server: &FileServer, targets: &[&str]) -> Verdict {
        let mut command = match self.fetcher {
            Fetcher::PythonTuf => python("tuf_fetch.py"),
            Fetcher::TufJs => node("tuf_fetch.mjs"),
            Fetcher::Tough => Command::new(installed("tough/debug/tuf-fetch-tough")),
        };
        let (cache, out) = (self.home.path().join("cache"), self.home.path().join("out"));
        command.arg(&server.url).arg(&self.trusted).args([&cache, &out]).args(targets);
        judge(command)
    }

    /// A target as the client wrote it.
    pub fn fetched(&self, target: &str) -> Vec<u8> {
        let file = self.home.path().join("out").join(target);
        fs::read(&file).unwrap_or_else(|error| panic!("{:?}: {}: {error}", self.fetcher, file.display()))
    }
}

/// A library that takes a trusted root and a signing config from files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loader {
    SigstorePython,
    SigstoreJs,
}

impl Loader {
    pub const ALL: [Self; 2] = [Self::SigstorePython, Self::SigstoreJs];

    pub fn trusted_root(self, file: &Path) -> Verdict {
        self.load("--trusted-root", file)
    }

    pub fn signing_config(self, file: &Path) -> Verdict {
        self.load("--signing-config", file)
    }

    fn load(self, option: &str, file: &Path) -> Verdict {
        let mut command = match self {
            Self::SigstorePython => python("sigstore_load.py"),
            Self::SigstoreJs => node("sigstore_load.mjs"),
        };
        command.arg(option).arg(file);
        judge(command)
    }
}

/// A library that verifies bundles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    Python,
    JavaScript,
    Rust,
}

impl Judge {
    /// sigstore-python, sigstore-js, sigstore-verify.
    pub const ALL: [Self; 3] = [Self::Python, Self::JavaScript, Self::Rust];

    /// Verify bundles, each with what stands beside it: `artifact`, `trusted_root.json`, `identity.json`.
    pub fn judge(self, bundles: &[PathBuf]) -> Vec<Verdict> {
        let mut command = match self {
            Self::Python => python("sigstore_verify.py"),
            Self::JavaScript => node("sigstore_verify.mjs"),
            Self::Rust => Command::new(installed("sigstore_verify/debug/sigstore-verify-bundles")),
        };
        command.args(bundles);
        let (code, out, err) = run(command, PATIENCE);
        assert_eq!(code, Some(0), "{self:?} came to no judgement: {out}{err}");
        let verdict = |line: &str| {
            let said: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            match said["accepted"].as_bool().expect("a judgement") {
                true => Verdict::Accepted,
                false => Verdict::Refused(said["why"].as_str().expect("a reason").to_owned()),
            }
        };
        let verdicts: Vec<Verdict> = out.lines().map(verdict).collect();
        assert_eq!(verdicts.len(), bundles.len(), "{self:?} judged another number of bundles: {err}");
        verdicts
    }
}

/// A static file server on the loopback, as dumb as a bucket. It stops when it is dropped.
pub struct FileServer {
    pub url: String,
    server: Arc<tiny_http::Server>,
    thread: Option<JoinHandle<()>>,
}

impl FileServer {
    pub fn serve(folder: &Path) -> Self {
        let server = Arc::new(tiny_http::Server::http("127.0.0.1:0").unwrap());
        let url = format!("http://{}", server.server_addr());
        let (listener, folder) = (Arc::clone(&server), folder.to_owned());
        let thread = thread::spawn(move || {
            for request in listener.incoming_requests() {
                // A client that hangs up early is not the server's business.
                let _ = match lookup(&folder, request.url()) {
                    Some(bytes) => request.respond(tiny_http::Response::from_data(bytes)),
                    None => request.respond(tiny_http::Response::empty(404)),
                };
            }
        });
        Self { url, server, thread: Some(thread) }
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The file at an URL's path, if it is one inside the folder.
fn lookup(folder: &Path, url: &str) -> Option<Vec<u8>> {
    let path = Path::new(url.trim_start_matches('/'));
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    inside.then(|| fs::read(folder.join(path)).ok())?
}

/// pkilint, as tests/clients/lint_with_pkilint.py calls it.
pub fn pkilint() -> Command {
    python("lint_with_pkilint.py")
}

/// Chromium, as tests/clients/browse.mjs drives it.
pub fn browse() -> Command {
    node("browse.mjs")
}

/// What stock tools say of an envelope, its signatures and its statement: securesystemslib, in-toto's parser,
/// and a JSON Schema of the predicate. Keys are PEM files by key id.
pub fn sealed(envelope: &Path, threshold: usize, schema: &Path, keys: &[(String, PathBuf)]) -> Verdict {
    let mut command = python("evidence_check.py");
    command.arg("seal").arg(envelope).arg(threshold.to_string()).arg(schema);
    command.args(keys.iter().map(|(keyid, pem)| format!("{keyid}={}", pem.display())));
    judge(command)
}

/// Whether the official schema of CycloneDX 1.6 takes a document.
pub fn cyclonedx(file: &Path) -> Verdict {
    let mut command = python("evidence_check.py");
    command.arg("cyclonedx").arg(file);
    judge(command)
}

/// What the sigsum crate says of a proof of logging, under a policy: both are files. It knows no tree of one leaf.
pub fn sigsum(proof: &Path, policy: &Path, message: &[u8; 32], submitter: &[u8; 32]) -> Verdict {
    let mut command = Command::new(installed("sigsum/debug/sigsum-verify-proof"));
    command.arg(proof).arg(policy);
    command.args([message, submitter].map(|bytes| data_encoding::HEXLOWER.encode(bytes)));
    judge(command)
}

/// A script of tests/clients, in the clients' Python.
pub fn python(script: &str) -> Command {
    let mut command = Command::new(installed("python/bin/python"));
    command.arg("-I").arg(source(script)); // isolated: only what is pinned
    command
}

fn node(script: &str) -> Command {
    let mut command = Command::new(installed("nodejs/bin/node"));
    command.arg(source(script));
    command
}

fn source(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script)
}

/// tuf-on-ci's signing tool.
pub fn tuf_on_ci_sign() -> Command {
    Command::new(installed("python/bin/tuf-on-ci-sign"))
}

/// A client's program. Missing clients fail a test: one that is skipped would pass for a proof.
fn installed(program: &str) -> PathBuf {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients");
    let path = clients.join(program);
    assert!(
        path.exists() && clients.join("node_modules").exists(),
        "the stock clients are not installed under target/clients: run ./softhsm-setup/test.sh"
    );
    path
}

/// Run a client to its end. Exit code 1 is a refusal; anything else is a broken test, not a verdict.
fn judge(mut command: Command) -> Verdict {
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    let (code, out, err) = run(command, PATIENCE);
    match code {
        Some(0) => Verdict::Accepted,
        Some(1) if !out.trim().is_empty() => Verdict::Refused(out.trim().to_owned()),
        _ => panic!("the client came to no judgement (exit code {code:?}): {out}{err}"),
    }
}

/// Run a command without input, and give its exit code, stdout and stderr.
pub fn run(mut command: Command, patience: Duration) -> (Option<i32>, String, String) {
    let name = command.get_program().to_owned();
    let name = Path::new(&name).file_name().and_then(OsStr::to_str).unwrap_or("a command").to_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
    // Read both from the start: a full pipe would stop the child.
    let out = drain(child.stdout.take().unwrap());
    let err = drain(child.stderr.take().unwrap());
    let deadline = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{name} did not end within {patience:?}: {}", err.join().unwrap());
        }
        thread::sleep(Duration::from_millis(10));
    };
    (status.code(), out.join().unwrap(), err.join().unwrap())
}

fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
