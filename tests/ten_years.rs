//! A trust root lives ten years: a first ceremony, and forty more on real tokens. After each, everything
//! verifies, what was ever signed still verifies, and a client that knows only the first root finds the
//! newest.

#[path = "support/decade.rs"]
mod decade;
mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use support::clients::{FileServer, TufClient};
use support::{files, folder, rehearse, run};

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

/// The archive's size, without the rehearsal's tokens.
fn size(archive: &Path) -> u64 {
    let all = files(archive).into_iter().filter(|path| !path.starts_with("rehearsal"));
    all.map(|path| fs::metadata(archive.join(path)).unwrap().len()).sum()
}

/// What became of all canaries.
fn replayed(archive: &Path) -> Vec<Value> {
    let canaries = archive.join("canaries");
    let arguments =
        ["prove".as_ref(), archive.as_os_str(), "--replay".as_ref(), canaries.as_os_str(), "--json".as_ref()];
    let run = run(arguments);
    assert_eq!(run.code, 0, "{}", run.shown());
    let outcomes: Vec<Value> = run.json()["replayed"].as_array().unwrap().clone();
    assert_eq!(outcomes.len(), fs::read_dir(canaries).unwrap().count());
    outcomes
}

/// Something is signed on a day, by this year's intermediate.
fn sign(archive: &Path, days: i64) {
    let (site, out) = (archive.join("rehearsal/site.toml"), archive.with_file_name(days.to_string()));
    let shift: i64 = {
        let text = fs::read_to_string(&site).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("date-shift = "));
        line.map_or(0, |days| days.split_whitespace().next().unwrap().parse().unwrap())
    };
    let at = decade::time(days + shift);
    let made = run([
        "prove".as_ref(),
        archive.as_os_str(),
        "--site".as_ref(),
        site.as_os_str(),
        "--at".as_ref(),
        at.as_ref(),
        "-o".as_ref(),
        out.as_os_str(),
    ]);
    assert_eq!(made.code, 0, "{}", made.shown());
}

#[test]
fn ten_years() {
    let folder = folder();
    let (plan, archive) = (folder.path().join("plan.toml"), folder.path().join("archive"));
    let mut sizes: Vec<u64> = Vec::new();
    let mut client = None;
    println!("ceremony  s: held  verified  replayed  fetched    bytes");
    for now in 0..=decade::CEREMONIES {
        fs::write(&plan, decade::plan(now)).unwrap();
        let before = if now == 0 { 0 } else { size(&archive) };
        let (made, held) = timed(|| rehearse(&plan, &archive));
        assert_eq!(made.code, 0, "ceremony {now}: {}", made.shown());
        let (verified, verifying) =
            timed(|| run(["verify".as_ref(), archive.as_os_str(), "--plan".as_ref(), plan.as_os_str()]));
        assert_eq!(verified.code, 0, "ceremony {now}: {}", verified.shown());
        if now + 1 == decade::COMPROMISE {
            decade::SIGNED.into_iter().for_each(|days| sign(&archive, days));
        }
        let (outcomes, replaying) = timed(|| replayed(&archive));
        // Of what the compromised intermediate signed, what came after that day is refused, and nothing else.
        let with = |outcome: &str| outcomes.iter().filter(|canary| canary["outcome"] == outcome).count();
        let (revoked, refused) = if now < decade::COMPROMISE { (0, 0) } else { (1, 1) };
        assert_eq!(with("verifies-before-revocation"), revoked, "ceremony {now}: {outcomes:#?}");
        assert_eq!(with("revoked"), refused, "ceremony {now}: {outcomes:#?}");
        assert_eq!(with("verifies"), outcomes.len() - revoked - refused, "ceremony {now}: {outcomes:#?}");
        let ((), fetching) = timed(|| {
            let server = FileServer::serve(&archive.join("tuf"));
            let client: &TufClient = client.get_or_insert_with(|| {
                let [python, ..] = TufClient::one_of_each(&archive.join("tuf/1.root.json"));
                python
            });
            client.fetch(&server).accepted(&now);
        });
        let [held, verifying, replaying, fetching] =
            [held, verifying, replaying, fetching].map(|time: Duration| time.as_secs_f64());
        let bytes = size(&archive) - before;
        println!("{now:8}  {held:7.2}  {verifying:8.2}  {replaying:8.2}  {fetching:7.2}  {bytes:7}");
        sizes.push(bytes);
    }
    // One that was away for ten years has the first root alone, and every root in between to go through.
    let server = FileServer::serve(&archive.join("tuf"));
    for client in TufClient::one_of_each(&archive.join("tuf/1.root.json")) {
        client.fetch(&server).accepted(&client.fetcher);
        let newest = fs::read(archive.join("trust-root/trusted_root.json")).unwrap();
        assert_eq!(client.fetched("trusted_root.json"), newest);
    }
    assert!(replayed(&archive).len() > 30);
    // What a ceremony adds grows with what there is, and no faster: the middle of the last ten lies seven
    // times as far from the beginning as that of the ten after the first.
    let first: u64 = sizes.iter().skip(1).take(10).sum();
    let last: u64 = sizes.iter().rev().take(10).sum();
    assert!(last < 7 * first, "{sizes:?}");
}
