//! Documents of the repository that tests hold to what they say.

use std::io::Write;

/// A file of the repository.
pub fn repository_file(path: &str) -> String {
    let file = super::repository().join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The rows of the table below a heading, without their backticks; the table's head is left out.
pub fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, after) = document
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("there is no heading `{heading}`"));
    let table =
        after.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| {
        let line = line.trim_matches('|');
        line.split(" | ").map(|cell| cell.trim().trim_matches('`').to_string()).collect()
    };
    table.skip(2).map(cells).collect()
}

/// Says something that is seen also where a test passes: what was not run must not look like a proof.
pub fn loud(text: &str) {
    let _ = writeln!(std::io::stderr(), "\n{text}");
}
