//! The simulated YubiKeys are faithful: Yubico's own tools, and what they enrol is what we sign with.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::repository;
use support::run;
use support::yubikeys::{YubiSite, inside};

const DEFAULT_MANAGEMENT: &str = "010203040506070801020304050607080102030405060708";

fn tool(program: &str, arguments: &[&str], folder: &Path) -> String {
    let ran: Output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let shown = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{program} {arguments:?}\n{shown}");
    shown
}

#[test]
fn ykman_finds_a_yubikey() {
    inside("ykman_finds_a_yubikey", |cards| {
        let site = YubiSite::new();
        let folder = site.folder.path();
        let ykman = repository().join("target/clients/ykman/bin/ykman").display().to_string();
        let listed = tool(&ykman, &["list"], folder);
        assert!(listed.contains("YubiKey 5A (5.7.4) [OTP+FIDO+CCID] Serial: 10000001"), "{listed}");
        assert!(listed.contains("YubiKey 4 (4.3.5) [OTP+FIDO+CCID] Serial: 10000006"), "{listed}");
        let piv = |arguments: &[&str]| {
            let all: Vec<&str> =
                ["--device", "10000001", "piv"].into_iter().chain(arguments.iter().copied()).collect();
            tool(&ykman, &all, folder)
        };
        assert!(piv(&["info"]).contains("WARNING: Using default PIN!"));
        piv(&["access", "change-pin", "-P", "123456", "-n", support::yubikeys::PIN]);
        piv(&["access", "change-puk", "-p", "12345678", "-n", "24680246"]);
        piv(&[
            "access",
            "change-management-key",
            "-m",
            DEFAULT_MANAGEMENT,
            "-g",
            "-p",
            "-P",
            support::yubikeys::PIN,
        ]);
        let pin = ["-P", support::yubikeys::PIN];
        piv(&[
            "keys",
            "generate",
            "-a",
            "ECCP256",
            "--pin-policy",
            "ALWAYS",
            "--touch-policy",
            "ALWAYS",
            pin[0],
            pin[1],
            "9c",
            "key.pem",
        ]);
        piv(&["keys", "attest", "9c", "leaf.pem"]);
        piv(&["certificates", "export", "f9", "f9.pem"]);
        // It signs, with a PIN and a touch.
        piv(&["certificates", "generate", "-s", "CN=test", pin[0], pin[1], "9c", "key.pem"]);
        let log = cards.log(0);
        assert!(log.contains("generated 9c") && log.contains("verify right,sign 9c"), "{log}");

        // What ykman enrolled is a keyholder's device to us, and the same key to both.
        let attested = run(["token", "attest", "keyholder-1", "--site", &site.path(), "--json"]);
        let document = attested.json();
        let theirs = fs::read_to_string(folder.join("key.pem")).expect("ykman's key");
        assert_eq!(document["public"].as_str(), Some(theirs.as_str()), "{}", attested.shown());
        assert_eq!(document["verdict"]["findings"][0]["rule"], "ATTEST-ROOT", "{}", attested.shown());
        assert_eq!(
            document["certificate"].as_str(),
            Some(fs::read_to_string(folder.join("leaf.pem")).expect("a file").as_str())
        );
        // And what we enrol, ykman knows.
        let enrolled = site.enrol("keyholder-2", &["--change-defaults"]);
        assert_eq!(enrolled.code, 1, "{}", enrolled.shown());
        let info = tool(&ykman, &["--device", "10000002", "piv", "info"], folder);
        assert!(info.contains("Management key is stored on the YubiKey, protected by PIN"), "{info}");
        assert!(!info.contains("WARNING"), "{info}");
    });
}

#[test]
fn yubico_piv_tool_and_ykcs11_sign() {
    inside("yubico_piv_tool_and_ykcs11_sign", |cards| {
        let site = YubiSite::new();
        let folder = site.folder.path();
        let piv = |arguments: &[&str]| {
            let all: Vec<&str> =
                ["-r", "CCID 1 00 00"].into_iter().chain(arguments.iter().copied()).collect();
            tool("yubico-piv-tool", &all, folder)
        };
        let status = piv(&["-a", "status"]);
        assert!(
            status.contains("5.4.3") && status.contains("10000003") && status.contains("PIN tries left:\t3"),
            "{status}"
        );
        piv(&[
            "-a",
            "generate",
            "-s",
            "9a",
            "-A",
            "ECCP384",
            "--pin-policy=once",
            "--touch-policy=never",
            "-o",
            "key.pem",
        ]);
        assert!(piv(&["-a", "attest", "-s", "9a"]).contains("BEGIN CERTIFICATE"));
        fs::write(folder.join("message"), "a message").expect("a message");
        let pin = ["-a", "verify-pin", "-P", "123456"];
        piv(&[
            &pin[..],
            &["--sign", "-s", "9a", "-A", "ECCP384", "-H", "SHA384", "-i", "message", "-o", "signature"],
        ]
        .concat());
        let verify = |signature: &str| {
            let ok = tool(
                "openssl",
                &["dgst", "-sha384", "-verify", "key.pem", "-signature", signature, "message"],
                folder,
            );
            assert!(ok.contains("Verified OK"), "{ok}");
        };
        verify("signature");
        assert!(cards.log(2).contains("verify right,sign 9a"), "yubico-piv-tool signed");

        let module =
            glob("/usr/lib", "libykcs11.so").expect("libykcs11.so; softhsm-setup/test.sh installs it");
        let ours = |arguments: &[&str]| {
            let all: Vec<&str> =
                ["--module", &module, "--slot", "2"].into_iter().chain(arguments.iter().copied()).collect();
            tool("pkcs11-tool", &all, folder)
        };
        ours(&[
            "--login",
            "--pin",
            "123456",
            "--sign",
            "-m",
            "ECDSA-SHA384",
            "--id",
            "01",
            "--signature-format",
            "openssl",
            "-i",
            "message",
            "-o",
            "second",
        ]);
        verify("second");
        assert!(cards.log(2).contains("sign 9a"), "ykcs11 signed");
    });
}

/// Holds the first reader's card for itself until its stdin ends.
const HOLD: &str = "
import sys
from smartcard.System import readers
from smartcard.scard import SCARD_SHARE_EXCLUSIVE
card = readers()[0].createConnection()
card.connect(mode=SCARD_SHARE_EXCLUSIVE)
print('held', flush=True)
sys.stdin.read()
";

#[test]
fn a_card_that_another_program_holds_is_said_to_be_so() {
    inside("a_card_that_another_program_holds_is_said_to_be_so", |_| {
        let site = YubiSite::new();
        let mut holder = Command::new(repository().join("target/clients/ykman/bin/python"))
            .args(["-c", HOLD])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python");
        let mut word = String::new();
        BufReader::new(holder.stdout.as_mut().expect("its words")).read_line(&mut word).expect("its words");
        assert_eq!(word, "held\n");
        let attest = |device: &str| run(["token", "attest", device, "--site", &site.path()]);
        let held = attest("keyholder-1");
        assert_eq!(held.code, 4, "{}", held.shown());
        assert!(
            held.err.contains("another program (gpg's scdaemon, say) holds a device for itself"),
            "{}",
            held.shown()
        );
        // The others are found: there is no key on them yet.
        assert_eq!(attest("keyholder-2").code, 3);
        drop(holder.stdin.take());
        holder.wait().expect("its end");
        assert_eq!(attest("keyholder-1").code, 3);
    });
}

/// A library of that name, with or without a version, in a folder or one below it.
fn glob(folder: &str, name: &str) -> Option<String> {
    let mut below = Vec::new();
    for entry in fs::read_dir(folder).ok()?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(name) {
            return Some(entry.path().display().to_string());
        }
        if entry.path().is_dir() && entry.file_name().to_string_lossy().contains("linux") {
            below.push(entry.path().display().to_string());
        }
    }
    below.iter().find_map(|folder| glob(folder, name))
}
