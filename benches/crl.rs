//! A CRL of a million entries, on SoftHSM, beside `openssl ca -gencrl` over the same list:
//! `cargo bench --bench crl`.
//!
//! Both are whole processes, from start to end. rootwright's is a ceremony: the list is read twice, once
//! to be drafted with a throwaway key and judged by every rule, and once to be signed by the device; the
//! CRL is verified, written and recorded. Both sign with P-384 and SHA-384. Memory is the peak of what a
//! process had in RAM (VmHWM), looked at every few milliseconds until it ends.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256, Sha384};

const ENTRIES: u64 = 1_000_000;
const ROUNDS: usize = 5;

/// What a process took.
#[derive(Clone, Copy)]
struct Took {
    time: Duration,
    /// Bytes.
    memory: u64,
}

fn main() {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-crl");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).expect("a folder for the bench");
    let list = list(ENTRIES);
    fs::write(place.join("revoked.csv"), &list).expect("the list");
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(&list));
    let revoked = format!("revoked-from = {{ file = \"revoked.csv\", sha256 = \"{hash}\" }}\n");
    let (first, second) = (crl(1, &revoked), crl(2, &revoked));
    fs::write(place.join("empty.toml"), PLAN).expect("a plan");
    fs::write(place.join("first.toml"), format!("{PLAN}{first}")).expect("a plan");
    fs::write(place.join("second.toml"), format!("{PLAN}{first}{second}")).expect("a plan");
    let archive = place.join("archive");
    let mut begin = rootwright(&["rehearse", "empty.toml", "--yes", "--archive", "archive"], &place);
    watch(&mut begin);

    let mut made = Vec::new();
    for _ in 0..ROUNDS {
        let _ = fs::remove_dir_all(place.join("round"));
        copy(&archive, &place.join("round"));
        made.push(watch(&mut run("first.toml", &place)));
    }
    let crl = fs::read(place.join("round/crls/fulcio-1.crl")).expect("the CRL");
    println!(
        "a CRL of {ENTRIES} entries: {:.1} MB of DER, from a list of {:.1} MB\n",
        mega(crl.len()),
        mega(list.len())
    );
    let size = u64::try_from(crl.len()).expect("a length");
    let ours = show("rootwright run", &made, size);
    let mut next = Vec::new();
    for _ in 0..ROUNDS {
        let _ = fs::remove_dir_all(place.join("next"));
        copy(&place.join("round"), &place.join("next"));
        let site = place.join("archive/rehearsal/site.toml").display().to_string();
        let arguments = ["run", "second.toml", "--yes", "--site", &site, "--archive", "next"];
        next.push(watch(&mut rootwright(&arguments, &place)));
    }
    show("rootwright run, after a CRL as long", &next, size);
    let verify: Vec<Took> =
        (0..ROUNDS).map(|_| watch(&mut rootwright(&["verify", "round"], &place))).collect();
    show("rootwright verify", &verify, size);
    let shown: Vec<Took> =
        (0..ROUNDS).map(|_| watch(&mut rootwright(&["show", "round/crls/fulcio-1.crl"], &place))).collect();
    show("rootwright show", &shown, size);
    hashes(&crl);

    openssl_files(&place, &list);
    let mut arguments = Command::new("openssl");
    arguments.args(["ca", "-gencrl", "-config", "openssl.cnf", "-out", "openssl.pem"]).current_dir(&place);
    let theirs = show("openssl ca -gencrl", &[watch(&mut arguments)], size);
    println!(
        "\nrootwright is {:.1} times as fast as openssl, and takes {:.1} times the CRL's size of memory",
        theirs.time.as_secs_f64() / ours.time.as_secs_f64(),
        ours.memory as f64 / size as f64
    );
    let _ = fs::remove_dir_all(&place);
}

/// A root and an issuing CA, without people.
const PLAN: &str = r#"
[ceremony]
name         = "A long CRL"
date         = "2026-12-01"
organization = "Example Project"

[keys]
root   = { device = "root-hsm", algorithm = "ecdsa-p384" }
fulcio = { device = "root-hsm", algorithm = "ecdsa-p384" }

[certificates.root]
profile  = "root"
key      = "root"
subject  = { common-name = "Example Root", organization = "Example Project" }
validity = { from = "2026-12-01T00:00:00Z", for = "10 years" }

[certificates.fulcio]
profile  = "code-signing"
key      = "fulcio"
issuer   = "root"
subject  = { common-name = "Example Intermediate", organization = "Example Project" }
validity = { from = "2026-12-01T00:00:00Z", for = "3 years" }

"#;

fn crl(number: u64, revoked: &str) -> String {
    format!(
        "[crls.fulcio-{number}]\nissuer = \"fulcio\"\nnumber = {number}\nvalidity = {{ from = \"2026-12-01T00:00:00Z\", for = \"10 months\" }}\n{revoked}\n"
    )
}

/// Serial numbers of 20 octets in no order, dates over a year, three reasons.
fn list(entries: u64) -> String {
    let mut text = String::new();
    for number in 0..entries {
        let (a, b) = (mixed(number), mixed(number ^ 0x5555_5555_5555_5555));
        let top = 0x40 | (a >> 58);
        let reason = ["superseded", "key-compromise", "cessation-of-operation"]
            [usize::from(number % 5 == 0) + usize::from(number % 7 == 0)];
        let (month, day) = (1 + a % 11, 1 + b % 28);
        let _ = writeln!(
            text,
            "{top:02x}{number:06x}{a:016x}{b:016x},2026-{month:02}-{day:02}T{:02}:{:02}:{:02}Z,{reason}",
            a % 24,
            b % 60,
            (a ^ b) % 60
        );
    }
    text
}

/// Numbers that look random (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What `openssl ca` needs: a key, its certificate, and the same list in its database.
fn openssl_files(place: &Path, list: &str) {
    let mut database = String::new();
    for line in list.lines() {
        let mut fields = line.split(',');
        let (serial, date, reason) =
            (fields.next().expect("serial"), fields.next().expect("date"), fields.next().expect("reason"));
        let short: String = date.chars().filter(char::is_ascii_digit).skip(2).collect();
        let reason = match reason {
            "key-compromise" => "keyCompromise",
            "superseded" => "superseded",
            _ => "cessationOfOperation",
        };
        let _ = writeln!(
            database,
            "R\t291201000000Z\t{short}Z,{reason}\t{}\tunknown\t/CN=x",
            serial.to_uppercase()
        );
    }
    fs::write(place.join("index.txt"), database).expect("the database");
    fs::write(place.join("index.txt.attr"), "unique_subject = no\n").expect("its attributes");
    fs::write(place.join("crlnumber"), "01\n").expect("a number");
    let configuration = "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\ncrlnumber = crlnumber\ndefault_md = sha384\ndefault_crl_days = 300\nprivate_key = key.pem\ncertificate = ca.pem\ncrl_extensions = ext\n[ext]\nauthorityKeyIdentifier = keyid\n[req]\ndistinguished_name = name\n[name]\n";
    fs::write(place.join("openssl.cnf"), configuration).expect("a configuration");
    let status = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-384",
            "-nodes",
            "-config",
            "openssl.cnf",
            "-keyout",
            "key.pem",
            "-out",
            "ca.pem",
            "-subj",
            "/CN=Example",
            "-addext",
            "subjectKeyIdentifier=hash",
            "-days",
            "300",
        ])
        .current_dir(place)
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "openssl makes a CA");
}

fn run(plan: &str, place: &Path) -> Command {
    let site = place.join("archive/rehearsal/site.toml").display().to_string();
    rootwright(&["run", plan, "--yes", "--site", &site, "--archive", "round"], place)
}

fn rootwright(arguments: &[&str], place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootwright"));
    command.args(arguments).env_remove("SOFTHSM2_CONF").current_dir(place);
    command
}

/// Runs a process to its end.
fn watch(command: &mut Command) -> Took {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    let status = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok());
        memory = memory.max(peak.unwrap_or(0) * 1024);
        if let Some(status) = child.try_wait().expect("a status") {
            let time = start.elapsed();
            let mut error = String::new();
            let _ = std::io::Read::read_to_string(child.stderr.as_mut().expect("stderr"), &mut error);
            assert!(status.success(), "{command:?}: {status}\n{error}");
            return Took { time, memory };
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Prints the medians, and gives them.
fn show(name: &str, took: &[Took], size: u64) -> Took {
    let mut times: Vec<Duration> = took.iter().map(|took| took.time).collect();
    times.sort_unstable();
    let time = times[times.len() / 2];
    let memory = took.iter().map(|took| took.memory).max().expect("a round");
    println!(
        "{name:<38} {:>8.3} s ({:.3}–{:.3})  {:>6.1} MB, {:.1} times the CRL",
        time.as_secs_f64(),
        times[0].as_secs_f64(),
        times[times.len() - 1].as_secs_f64(),
        memory as f64 / 1e6,
        memory as f64 / size as f64
    );
    Took { time, memory }
}

/// What hashing alone takes: none of this can be faster.
fn hashes(crl: &[u8]) {
    let start = Instant::now();
    std::hint::black_box(Sha384::digest(crl));
    let sha384 = start.elapsed();
    let start = Instant::now();
    std::hint::black_box(Sha256::digest(crl));
    println!(
        "{:<38} {:>8.3} s as SHA-384, {:.3} s as SHA-256",
        "to hash its bytes",
        sha384.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
}

fn mega(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the copy's folder");
    for entry in fs::read_dir(from).expect("the folder to copy").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the file to copy");
        }
    }
}
