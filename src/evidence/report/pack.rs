//! What an auditor takes home: the archive, the report, and what explains both, in one tar file. The same
//! archive makes the same bytes: names are sorted, and owners, modes and times say nothing.

use std::io;

use crate::archive::Record;
use crate::pki::sha256_hex;

/// What the first page of a pack says.
const README: &str = "\
What an auditor takes home of a trust root made with rootwright.

  report.html       read this first; any browser shows it, without a network
  archive/          the archive, whole: rootwright verify archive
  formats.md        the formats of what people sign
  rules.md          the rules that everything was judged by
  recovery.md       what people did when a ceremony stopped
  SHA256SUMS        sha256sum --check SHA256SUMS

The report names the journal's last line. Compare it with the one on the paper that people signed.
";

/// Documents of this version of the tool that explain an archive.
const DOCUMENTS: [(&str, &str); 4] = [
    ("README.txt", README),
    ("formats.md", include_str!("../../../docs/formats.md")),
    ("recovery.md", include_str!("../../../docs/recovery.md")),
    ("rules.md", include_str!("../../../docs/rules.md")),
];

/// Packs a report and an archive's files, each with its path in the archive.
pub fn pack(report: &[u8], files: &[(String, Vec<u8>)], records: &[Record]) -> io::Result<Vec<u8>> {
    let mut all: Vec<(String, &[u8])> = vec![("report.html".into(), report)];
    all.extend(DOCUMENTS.iter().map(|(name, text)| ((*name).to_string(), text.as_bytes())));
    all.extend(files.iter().map(|(path, bytes)| (format!("archive/{path}"), bytes.as_slice())));
    all.sort();
    let sums: String = all.iter().map(|(path, bytes)| format!("{}  {path}\n", sha256_hex(bytes))).collect();
    all.push(("SHA256SUMS".into(), sums.as_bytes()));
    // Nothing is younger than the journal's last line.
    let time = records.last().and_then(|record| u64::try_from(record.time.unix()).ok()).unwrap_or(0);
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in all {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(u64::try_from(bytes.len()).map_err(io::Error::other)?);
        header.set_mode(0o644);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, path, bytes)?;
    }
    tar.into_inner()
}
