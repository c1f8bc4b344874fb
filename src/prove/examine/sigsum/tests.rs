use super::*;
use proptest::prelude::*;

/// A leaf that a public test log has, and the policy of those who run it, as `sigsum-submit` and `sigsum-verify`
/// know them.
const HELLO: &str = include_str!("samples/hello.proof");
const POLICY: &str = include_str!("samples/test-2025-3.policy");
const SUBMITTER: &str = "99ed58583e8750b20548e69df4a4e1a592379a9a66c51cd32e42fbe4e1bde78a";

fn verify(proof: &str, data: &[u8], policy: &str) -> Judged<(Proved, Policy)> {
    let submitter = HEXLOWER.decode(SUBMITTER.as_bytes()).unwrap().try_into().unwrap();
    let policy = Policy::parse(policy)?;
    Ok((Proof::parse(proof)?.verify(&hash(data), &submitter, &policy)?, policy))
}

#[test]
fn what_a_public_log_has_verifies() {
    let (proved, policy) = verify(HELLO, b"Hello, Sigsum!\n", POLICY).unwrap();
    assert_eq!(proved.index, 381_381);
    assert_eq!(
        proved.origin,
        "sigsum.org/v1/tree/1643169b32bef33a3f54f8a353b87c475d19b6223cbb106390d10a29978e1cba"
    );
    assert_eq!(proved.seen.unwrap().to_string(), "2026-02-04T08:17:31Z");
    let (known, unknown) = (proved.witnesses.len(), proved.unknown);
    assert_eq!(known + unknown, 8);
    let said = proved.cosigned(&policy);
    assert!(said.starts_with(&format!("cosigned by {known} of the policy's")), "{said}");
    // Whoever knows no witness is not told that somebody cosigned.
    let logs: String = POLICY.split_inclusive('\n').filter(|line| line.starts_with("log ")).collect();
    let (proved, policy) = verify(HELLO, b"Hello, Sigsum!\n", &format!("{logs}quorum none\n")).unwrap();
    assert_eq!(proved.cosigned(&policy), "its cosignatures (8) were not judged: the policy has no witness");
}

#[test]
fn it_is_of_what_was_logged_alone() {
    let refused = verify(HELLO, b"Hello, Sigsum?\n", POLICY).unwrap_err();
    assert!(refused.contains("it is of something else"), "{refused}");
}

#[test]
fn every_digit_counts() {
    // Whatever digit of it is changed, but for those that only say which witness nobody knows.
    let (proved, _) = verify(HELLO, b"Hello, Sigsum!\n", POLICY).unwrap();
    let mut held = 0;
    for (at, byte) in HELLO.bytes().enumerate().step_by(3) {
        let other = match byte {
            b'0'..=b'8' => byte + 1,
            b'9' | b'b'..=b'f' => b'a',
            b'a' => b'b',
            _ => continue,
        };
        let mut bytes = HELLO.as_bytes().to_vec();
        bytes[at] = other;
        match verify(std::str::from_utf8(&bytes).unwrap(), b"Hello, Sigsum!\n", POLICY) {
            Err(_) => {}
            // One witness less: the others are enough, and it is not named.
            Ok((found, _)) => {
                held += 1;
                assert!(found.unknown > proved.unknown || found.witnesses == proved.witnesses, "byte {at}");
            }
        }
    }
    assert!(held <= 8 * 22, "{held}");
}

#[test]
fn what_is_no_proof_is_refused_for_its_reason() {
    for (from, to, words) in [
        ("version=2", "version=1", "it is of version 1, expected 2"),
        ("version=2", "Version=2", "line 1: found `Version=2`, expected `version=`"),
        ("log=16", "log=1", "line 2: expected 32 bytes in hex"),
        ("log=16", "log=16 16", "line 2: found 2 values, expected 1"),
        ("leaf=2c", "leaf=2c2c", "line 3: expected 32 bytes in hex"),
        ("\n\nsize", "\nsize", "line 4: expected an empty line"),
        ("size=381382", "size=0381382", "line 5: expected a number below 2^63"),
        ("size=381382", "size=+381382", "line 5: expected a number below 2^63"),
        ("size=381382", "size=9223372036854775808", "line 5: expected a number below 2^63"),
        ("size=381382", "size=", "line 5: expected a number below 2^63"),
        ("size=381382", "size=0", "its tree is empty"),
        ("size=381382", "size=1", "a tree of one leaf has no path"),
        ("root_hash=9", "root_hash=", "line 6: expected 32 bytes in hex"),
        ("signature=8", "signature=", "line 7: expected 64 bytes in hex"),
        (
            "cosignature=49c4cd6124b7c572f3354d854d50b2a4b057a750f786cf03103c09de339c4ea3",
            "cosignature=1c997261f16e6e81d13f420900a2542a4b6a049c2d996324ee5d82a90ca3360c",
            "line 9: a second cosignature of one witness",
        ),
        ("1770193051 a1", "177019305x a1", "line 8: expected a number below 2^63"),
        ("\n\nleaf_index", "\nleaf_index", "expected `cosignature=`"),
        ("leaf_index=381381\n", "", "expected `leaf_index=`"),
        ("node_hash=d", "node_hash=", "expected 32 bytes in hex"),
        ("node_hash=d", "node=d", "expected `node_hash=`"),
    ] {
        assert!(HELLO.contains(from), "{from}");
        let refused = Proof::parse(&HELLO.replacen(from, to, 1)).unwrap_err();
        assert!(refused.contains(words), "{from} → {to}: {refused}");
    }
    let path = HELLO.find("node_hash").unwrap();
    for (text, words) in [
        (String::new(), "it ends before `version=`"),
        (HELLO.trim_end().to_string(), "it does not end with a newline"),
        (format!("{HELLO}\n"), "found ``, expected `node_hash=`"),
        (HELLO[..path].to_string(), "it ends before `node_hash=`"),
        (HELLO[..HELLO.find("\nleaf_index").unwrap()].to_string(), "it ends before `leaf_index=`"),
        (format!("{HELLO}{}", HELLO[path..path + 75].repeat(54)), "more than 63 hashes"),
        (HELLO.replace('\n', "\r\n"), "it is of version 2"),
    ] {
        let refused = Proof::parse(&text).unwrap_err();
        assert!(refused.contains(words), "{words}: {refused}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = Proof::parse(&text);
        let _ = Policy::parse(&text);
    }

    /// Lines that look like those of proofs and policies, in any order.
    #[test]
    fn arbitrary_lines_never_panic(lines in proptest::collection::vec(
        "(version|log|leaf|size|root_hash|signature|cosignature|leaf_index|node_hash|)=?[0-9a-f]{0,70} ?[0-9]{0,20}|(log|witness|group|quorum) [a-c ]{0,6}([0-9a-f]{64}|any|all|1| )( [a-c]| none)*", 0..30,
    )) {
        let text = lines.join("\n") + "\n";
        let _ = Policy::parse(&text).map(|policy| policy.is_reached(&["a".to_string()]));
        let _ = Proof::parse(&text);
    }

    /// A proof with lines that were cut, changed or doubled is read, or refused, and proves nothing else.
    #[test]
    fn a_changed_proof_proves_nothing_else(at in 0..HELLO.len(), cut in 0..80_usize, put in "[0-9a-f =\n]{0,8}") {
        let end = (at + cut).min(HELLO.len());
        let changed = [&HELLO[..at], &put, &HELLO[end..]].concat();
        if let Ok((proved, _)) = verify(&changed, b"Hello, Sigsum!\n", POLICY) {
            prop_assert_eq!(proved.index, 381_381);
        }
    }
}
