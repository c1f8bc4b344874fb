//! Pages as people see them: in the browser that Debian has, printed by it, and read from paper by telephones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::clients::{self, browse};

/// Chromium's word on each page, and its PDFs in the folder.
pub fn opened(out: &Path, pages: &[PathBuf]) -> Vec<Value> {
    let mut command = browse();
    command.arg(out).args(pages);
    let (code, said, err) = clients::run(command, Duration::from_secs(240));
    assert_eq!(code, Some(0), "{said}{err}");
    let said: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(said.len(), pages.len(), "{err}");
    said
}

/// Nothing is wrong with it.
pub fn is_sound(said: &Value) {
    let page = &said["page"];
    assert_eq!(said["console"], serde_json::json!([]), "{page}");
    assert_eq!(said["requests"], serde_json::json!([]), "{page}");
    for place in ["phone", "tablet", "desk", "A4", "Letter"] {
        assert_eq!(said["wide"][place], serde_json::json!([]), "{page} at {place}");
    }
    for scheme in ["light", "dark"] {
        assert_eq!(said["axe"][scheme]["wrong"], serde_json::json!([]), "{page} in {scheme}");
        let passed: Vec<&str> =
            said["axe"][scheme]["passed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let all = ["color-contrast", "heading-order", "page-has-heading-one", "document-title"];
        // In the dark only colours are others.
        let judged = if scheme == "dark" { &all[..1] } else { &all[..] };
        for rule in judged {
            assert!(passed.contains(rule), "{page}: axe did not judge {rule}");
        }
    }
}

/// The text of each page of a PDF, as poppler reads it.
pub fn sheets(pdf: &Value) -> Vec<String> {
    let output = Command::new("pdftotext").args(["-layout", pdf.as_str().unwrap(), "-"]).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim_end_matches('\u{c}').split('\u{c}').map(str::to_string).collect()
}

/// Every sheet has its number and the fingerprint; none is empty.
pub fn are_numbered(sheets: &[String], hash: &str, mark: Option<&str>) {
    for (at, sheet) in sheets.iter().enumerate() {
        let number = format!("{} / {}", at + 1, sheets.len());
        assert!(sheet.contains(&number), "no number {number}: {sheet}");
        assert!(sheet.contains(hash), "no fingerprint on sheet {number}: {sheet}");
        assert!(mark.is_none_or(|mark| sheet.contains(mark)), "no mark on sheet {number}");
        let own = sheet.split_whitespace().count();
        assert!(own > 18, "sheet {number} is nearly empty: {sheet}");
    }
}

/// What a telephone reads: the texts of all QR codes in images, by ZBar, which is none of ours.
fn read(images: &[PathBuf]) -> BTreeSet<String> {
    let output = Command::new("zbarimg")
        .args(["--quiet", "--raw", "--nodbus", "-Sdisable", "-Sqrcode.enable"])
        .args(images)
        .output()
        .expect("zbarimg is not installed: run ./softhsm-setup/test.sh");
    // 4: some image has none.
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_string).collect()
}

/// The texts of the QR codes of a PDF, as an office's printer puts it on paper: in greys.
pub fn printed_codes(pdf: &Value) -> BTreeSet<String> {
    let pdf = Path::new(pdf.as_str().unwrap());
    let images = pdf.with_extension("images");
    std::fs::create_dir(&images).unwrap();
    let output = Command::new("pdftoppm")
        .args(["-gray", "-r", "110"])
        .args([pdf, &images.join("sheet")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sheets: Vec<PathBuf> =
        std::fs::read_dir(&images).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!sheets.is_empty(), "{}", pdf.display());
    read(&sheets)
}

/// The texts of the QR codes on the first screen of a page, in the dark.
pub fn screen_codes(said: &Value) -> BTreeSet<String> {
    read(&[PathBuf::from(said["dark"].as_str().unwrap())])
}
