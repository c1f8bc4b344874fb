//! Simulated YubiKeys behind a real pcscd, in a namespace of the test's own: `tests/simulated_yubikey` on
//! vpcd, which `softhsm-setup/test.sh` builds and installs.
#![allow(dead_code)]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Run, repository, run};

/// The cards: serial, firmware, and the port of the reader that each is in. A reader of vpcd has two slots,
/// and each is used: an empty one would be tried by ykman for seconds.
pub const CARDS: [(u32, &str, u16); 6] = [
    (10_000_001, "5.7.4", 36000),
    (10_000_002, "5.7.4", 36001),
    (10_000_003, "5.4.3", 36010),
    (10_000_004, "5.7.4", 36011),
    (10_000_005, "5.7.4", 36020),
    (10_000_006, "4.3.5", 36021),
];

/// The keyholders' devices, in the order of the cards. The last card is nobody's.
pub const KEYHOLDERS: [&str; 5] = ["keyholder-1", "keyholder-2", "keyholder-3", "keyholder-4", "keyholder-5"];

pub const PIN: &str = "135790";
const PUK: &str = "24680246";
const INSIDE: &str = "ROOTWRIGHT_TEST_INSIDE";
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a test in namespaces of its own, where it is root, alone with its pcscd, and where everything that
/// it started ends with it.
pub fn inside(test: &str, act: impl FnOnce(&Cards)) {
    if std::env::var_os(INSIDE).is_some() {
        let cards = Cards::plug();
        return act(&cards);
    }
    let works = |flags: &str| {
        let tried = Command::new("unshare").args([flags, "--kill-child", "true"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    // Rootless where the machine allows it; where it does not, root needs no namespace of users.
    let flags = ["-Urmnpf", "-mnpf"].into_iter().find(|flags| works(flags)).expect(
        "no namespaces here: allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1), or run the tests as root",
    );
    let own = std::env::current_exe().expect("this program");
    let ran = Command::new("unshare")
        .args([flags, "--kill-child"])
        .arg(own)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .expect("unshare");
    let shown = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{shown}");
    assert!(shown.contains("1 passed"), "the test {test} did not run in there\n{shown}");
}

/// Six cards in six readers.
pub struct Cards {
    pub folder: tempfile::TempDir,
    processes: Vec<Child>,
}

impl Drop for Cards {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn system(program: &str, arguments: &[&str]) {
    let ran =
        Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(ran.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// Where the library is that pcscd loads for each pair of readers.
fn vpcd() -> PathBuf {
    ["/usr/lib/pcsc/drivers/serial/libifdvpcd.so", "/usr/lib64/pcsc/drivers/serial/libifdvpcd.so"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
        .expect("libifdvpcd.so (Debian: vsmartcard-vpcd); softhsm-setup/test.sh installs it")
}

impl Cards {
    fn plug() -> Self {
        system("mount", &["-t", "tmpfs", "tmpfs", "/run"]);
        system("ip", &["link", "set", "lo", "up"]);
        // vpcd writes a length, and then what is so long: without this, each waits for an acknowledgement.
        for net in ["127.0.0.0/8", "127.0.0.1"] {
            system("ip", &["route", "replace", "local", net, "dev", "lo", "table", "local", "quickack", "1"]);
        }
        let folder = super::folder();
        let conf = folder.path().join("pcscd");
        fs::create_dir_all(&conf).expect("a folder");
        fs::create_dir_all("/run/pcscd").expect("a folder");
        let mut readers = String::new();
        for (number, port) in [36000, 36010, 36020].into_iter().enumerate() {
            // vpcd keeps its state in globals: each pair of readers needs a library of its own.
            let library = folder.path().join(format!("vpcd-{number}.so"));
            fs::copy(vpcd(), &library).expect("a copy of vpcd");
            readers.push_str(&format!(
                "FRIENDLYNAME \"Yubico YubiKey OTP+FIDO+CCID {number}\"\nDEVICENAME /dev/null:{port}\nLIBPATH {}\nCHANNELID {port}\n\n",
                library.display()
            ));
        }
        fs::write(conf.join("readers"), readers).expect("the readers");
        let mut cards = Self { folder, processes: Vec::new() };
        let log = fs::File::create(cards.folder.path().join("pcscd.log")).expect("a log");
        let pcscd = Command::new("/usr/sbin/pcscd")
            .args(["-f", "-c"])
            .arg(&conf)
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("pcscd; softhsm-setup/test.sh installs it");
        cards.processes.push(pcscd);
        wait("pcscd", || Path::new("/run/pcscd/pcscd.comm").exists());
        let program = repository().join("target/clients/simulated_yubikey/debug/simulated-yubikey");
        let simulator = Command::new(&program)
            .arg(cards.socket())
            .args(CARDS.iter().map(|(serial, firmware, port)| format!("{serial}:{firmware}:{port}")))
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}; softhsm-setup/test.sh builds it", program.display())
            });
        cards.processes.push(simulator);
        let site = cards.folder.path().join("waiting.toml");
        fs::write(&site, "purpose = \"rehearsal\"\n[devices.any]\nyubikey = 1\n").expect("a site");
        wait("six YubiKeys", || cards.listed(&site).is_some_and(|serials| serials.len() == CARDS.len()));
        cards
    }

    fn listed(&self, site: &Path) -> Option<Vec<String>> {
        let listed =
            run(["token".as_ref(), "list".as_ref(), "--json".as_ref(), "--site".as_ref(), site.as_os_str()]);
        let document: serde_json::Value = serde_json::from_str(&listed.out).ok()?;
        let tokens = document.get(0)?.get("tokens")?.as_array()?.clone();
        let serial = |token: &serde_json::Value| token["report"]["serial"].as_str().map(ToString::to_string);
        tokens.iter().map(serial).collect()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("cards")
    }

    /// Does something to a card: `touch never`, `pull`, `insert 36000`, `log`.
    pub fn tell(&self, card: usize, what: &str) -> String {
        let mut line = UnixStream::connect(self.socket()).expect("the cards' socket");
        writeln!(line, "{card} {what}").expect("the cards' socket");
        let mut answer = String::new();
        BufReader::new(line).read_line(&mut answer).expect("the cards' socket");
        assert!(!answer.starts_with("not understood"), "{answer}");
        answer.trim_end().to_string()
    }

    /// What a card was asked to do since this was asked last.
    pub fn log(&self, card: usize) -> String {
        self.tell(card, "log")
    }

    /// Pulls a card, and waits until it is seen to be gone.
    pub fn pull(&self, card: usize) {
        self.tell(card, "pull");
        self.until(card, false);
    }

    /// Puts a card into a reader, and waits until it is seen. A reader whose card was pulled a moment ago may
    /// not notice the new one: then it is taken out and put in again, as people do.
    pub fn insert(&self, card: usize, port: u16) {
        for _ in 0..5 {
            self.tell(card, &format!("insert {port}"));
            let start = Instant::now();
            while start.elapsed() < PATIENCE / 3 {
                if self.seen(card) == Some(true) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            self.tell(card, "pull");
            std::thread::sleep(Duration::from_millis(500));
        }
        panic!("card {card} was put in five times, and was not seen");
    }

    fn until(&self, card: usize, there: bool) {
        wait("a card", || self.seen(card) == Some(there));
    }

    /// Whether a card is in a reader; none where the readers can't be listed.
    fn seen(&self, card: usize) -> Option<bool> {
        let (site, serial) = (self.folder.path().join("waiting.toml"), CARDS[card].0.to_string());
        self.listed(&site).map(|serials| serials.contains(&serial))
    }
}

fn wait(what: &str, mut until: impl FnMut() -> bool) {
    let start = Instant::now();
    while !until() {
        assert!(start.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A site of YubiKeys, and of SoftHSM tokens for all that is no keyholder's.
pub struct YubiSite {
    pub folder: tempfile::TempDir,
    /// The serial that the site names for each keyholder, and where its PIN comes from.
    pub serials: Vec<u32>,
    pub pin: String,
    /// Keyholders who are elsewhere, with their devices.
    pub elsewhere: Vec<&'static str>,
}

impl YubiSite {
    pub fn new() -> Self {
        let folder = super::folder();
        let tokens = folder.path().join("tokens");
        fs::create_dir(&tokens).expect("the tokens' folder");
        let configuration = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display());
        fs::write(folder.path().join("softhsm2.conf"), configuration).expect("the configuration");
        let serials = CARDS.iter().map(|(serial, ..)| *serial).collect();
        let pin = "{ file = \"pin\" }".into();
        let site = Self { folder, serials, pin, elsewhere: Vec::new() };
        site.secret("pin", PIN);
        site.secret("puk", PUK);
        site.write();
        for device in ["root-hsm", "issuing-hsm"] {
            let made = run(["token", "init", device, "--site", &site.path()]);
            assert_eq!(made.code, 0, "{}", made.shown());
        }
        site
    }

    /// A site whose keyholders enrolled their devices.
    pub fn enrolled() -> Self {
        let site = Self::new();
        for keyholder in KEYHOLDERS {
            let run = site.enrol(keyholder, &["--change-defaults"]);
            // Their maker is the test.
            assert_eq!(run.code, 1, "{}", run.shown());
            assert!(
                run.out.contains("[ATTEST-ROOT]") && !run.out.contains("[ATTEST-PIN]"),
                "{}",
                run.shown()
            );
        }
        site
    }

    pub fn enrol(&self, device: &str, more: &[&str]) -> Run {
        let path = self.path();
        let arguments = ["token", "init", device, "--site", &path];
        run(arguments.into_iter().chain(more.iter().copied()))
    }

    pub fn secret(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        fs::write(&file, text).expect("a PIN file");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its mode");
    }

    pub fn path(&self) -> String {
        self.folder.path().join("site.toml").display().to_string()
    }

    pub fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    /// Writes the site file.
    pub fn write(&self) {
        let mut text = format!(
            "purpose = \"rehearsal\"\nelsewhere = {:?}\n[environment]\nSOFTHSM2_CONF = {:?}\n",
            self.elsewhere,
            self.folder.path().join("softhsm2.conf")
        );
        for device in ["root-hsm", "issuing-hsm"] {
            text.push_str(&format!(
                "[devices.{device}]\nmodule = {:?}\nlabel = \"{device}\"\npin = {{ file = \"pin\" }}\nso-pin = {{ file = \"puk\" }}\n",
                super::site::softhsm()
            ));
        }
        let names = KEYHOLDERS.into_iter().chain(["spare"]);
        let here = names.zip(&self.serials).filter(|(name, _)| !self.elsewhere.contains(name));
        for (name, serial) in here {
            text.push_str(&format!(
                "[devices.{name}]\nyubikey = {serial}\npin = {}\nso-pin = {{ file = \"puk\" }}\n",
                self.pin
            ));
        }
        fs::write(self.folder.path().join("site.toml"), text).expect("the site file");
    }

    /// The example's plan, with waivers of these rules for each keyholder's key.
    pub fn plan(&self, waived: &[&str]) -> PathBuf {
        let mut text = fs::read_to_string(repository().join("ceremony/sigstore.toml")).expect("the example");
        for rule in waived {
            for keyholder in KEYHOLDERS {
                text.push_str(&format!(
                    "\n[[waivers]]\nrule = \"{rule}\"\nobject = \"keys.{keyholder}\"\nreason = \"simulated devices, whose maker is this test\"\n"
                ));
            }
        }
        let path = self.folder.path().join("plan.toml");
        fs::write(&path, text).expect("the plan");
        path
    }

    /// Runs the ceremony, or the rest of it.
    pub fn run(&self, plan: &Path) -> Run {
        let archive = self.archive();
        run([
            "run".as_ref(),
            plan.as_os_str(),
            "--site".as_ref(),
            self.path().as_ref(),
            "--archive".as_ref(),
            archive.as_os_str(),
            "--yes".as_ref(),
        ])
    }
}
