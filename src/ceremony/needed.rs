//! How much a run writes at most: what its steps make, which drafts know to the byte, and what stands beside
//! them in the journal. Estimates of the second kind are above what was measured, never below.

use super::people::People;
use super::preflight::Drafted;
use super::signers::{self, Place};
use crate::archive::Size;
use crate::difference::{Action, Step};
use crate::plan::Name;

/// The run itself, without the plan's text: its beginning, the tool, the machine, the clock, how often keys were
/// used, its end.
const RUN: u64 = 8 * 1024;
/// What a device says of itself, each time that it is opened; the objects that it holds, before and after; what it
/// answered when a throwaway key was tried.
const DEVICE: u64 = 8 * 1024;
/// A key's attributes and attestation, in the journal and in `keys/NAME.json`.
const KEY: u64 = 8 * 1024;
/// A step that a person agreed to, and one whose fingerprint was read back.
const STEP: u64 = 1024;
/// An approval: its line, and its file.
const APPROVAL: u64 = 8 * 1024;
/// What people record at prompts, for each thing that a plan asks for; and as much again unasked.
const REMARK: u64 = 2 * 1024;
/// Remarks that nobody asked for.
const REMARKS: u64 = 16;
/// What a request says beside its documents, and an answer: lines and files.
const REQUEST: u64 = 8 * 1024;
/// How often a request has each text, as it is published and as it shall be: in its file and in its line, where
/// what is quoted is quoted once more, and what is indented is longer.
const REQUEST_TEXTS: u64 = 3;
/// What a canary says beside the trusted root, which its files and its lines have several times.
const CANARY: u64 = 48 * 1024;
/// How often a canary has the trusted root.
const CANARY_TEXTS: u64 = 6;
/// The files of a canary.
const CANARY_FILES: u64 = 8;

/// A run over a plan.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The people and their plan.
    pub people: People<'a>,
    /// The plan's text.
    pub text: &'a str,
    /// Every step.
    pub steps: &'a [Step],
    /// How many approvals come with it.
    pub approvals: usize,
    /// Whether it ends with a canary.
    pub canary: bool,
}

impl Run<'_> {
    /// How much it writes at most.
    pub fn needs(&self, drafted: &Drafted) -> Size {
        let left: Vec<&Step> = self.steps.iter().filter(|step| !step.done).collect();
        let made = |step: &&&Step| {
            matches!(
                step.action,
                Action::GenerateKey { .. } | Action::ImportKey { .. } | Action::BackUp { .. }
            )
        };
        let keys = left.iter().filter(made).count();
        let ceremony = &self.people.plan.ceremony;
        let asked = ceremony.ask_before.len().saturating_add(ceremony.ask_after.len());
        let texts = |texts: usize| count(texts).saturating_mul(2);
        // The text stands in the journal, quoted, and in its own file.
        let names: usize = self.people.site.people.values().map(String::len).sum();
        let mut all = vec![
            // The journal is a file.
            (RUN, 1),
            (texts(self.text.len()).saturating_add(count(self.text.len())), 1),
            (texts(names), 0),
            (DEVICE.saturating_mul(count(self.people.plan.devices().len())), 0),
            (KEY.saturating_mul(count(keys)), 0),
            (STEP.saturating_mul(count(left.len())), 0),
            (APPROVAL.saturating_mul(count(self.approvals)), count(self.approvals)),
            (REMARK.saturating_mul(count(asked).saturating_add(REMARKS)), 0),
        ];
        let away = self.elsewhere(&left);
        let documents = drafted.documents.saturating_add(self.published());
        let request = documents.saturating_mul(REQUEST_TEXTS).saturating_add(REQUEST);
        // A request, and the answer to it.
        all.push((request.saturating_mul(count(away)), count(away).saturating_mul(2)));
        if self.canary {
            all.push((documents.saturating_mul(CANARY_TEXTS).saturating_add(CANARY), CANARY_FILES));
        }
        all.into_iter().fold(drafted.size, |size, (bytes, files)| size.and(bytes, files))
    }

    /// How many keys are asked by a file: once for root and targets, and once more for each of the others.
    fn elsewhere(&self, left: &[&Step]) -> usize {
        let mut asked: Vec<(&Name, bool)> = Vec::new();
        for step in left {
            let Action::SignMetadata { role, signer } = &step.action else { continue };
            let own = (signer, role.is_offline());
            let away = signers::place(self.people, self.people.state, step) == Place::Elsewhere;
            if away && !(own.1 && asked.contains(&own)) {
                asked.push(own);
            }
        }
        asked.len()
    }

    /// What clients have, which requests repeat.
    fn published(&self) -> u64 {
        let state = self.people.state;
        let metadata: usize = crate::archive::Role::ALL
            .into_iter()
            .filter_map(|role| state.newest(role))
            .map(|published| published.content.len())
            .sum();
        let targets: usize = state.published_targets.values().map(String::len).sum();
        count(metadata.saturating_add(targets))
    }
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
