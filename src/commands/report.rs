//! `rootwright report`: the ceremony report.

use std::path::PathBuf;

use serde::Serialize;

use super::{Code, Failure, Output, load};
use crate::archive::{self, Event};
use crate::ceremony::clock::Clock;
use crate::evidence::report::public::{Copy, LeftOut};
use crate::evidence::report::{Facts, Report, items, pack};
use crate::pki::sha256_hex;
use crate::plan::{Plan, Source, Time};
use crate::verify::{self, Options};

/// Write the report of an archive: one HTML page, for an auditor and for whoever decides.
///
/// The result in five lines, the hierarchy, every validity on one line of time, keys, devices and people,
/// each step with its time, what went otherwise, what an auditor looks for with its proof, and how to check
/// it all again. Everything comes from the archive, which is verified first; nothing is fetched.
#[derive(Debug, clap::Args)]
pub struct Write {
    /// The archive's directory.
    archive: PathBuf,

    /// The file to write.
    #[arg(short, long, value_name = "FILE.html")]
    output: PathBuf,

    /// Leave out what the plans call private: names, serial numbers, places. The copy still goes with the
    /// seals, which have a salted hash of each value.
    #[arg(long)]
    public: bool,

    /// Write what an auditor takes home, too: this report, the archive, and what explains both. The same
    /// archive makes the same bytes, so it is judged as of its last event, unless said otherwise.
    #[arg(long, value_name = "FILE.tar", conflicts_with = "public")]
    pack: Option<PathBuf>,

    /// Judge validity and expiry as of this moment, or the beginning of this day. Otherwise now; in a
    /// rehearsal the time of its last event.
    #[arg(long, value_name = "TIME", value_parser = super::verify::moment)]
    at: Option<Time>,
}

#[derive(Serialize)]
struct Written {
    file: String,
    sha256: String,
    head: String,
    ok: bool,
    items: Vec<Stands>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOut>,
}

/// How an item of the list stands.
#[derive(Serialize)]
struct Stands {
    id: &'static str,
    title: &'static str,
    status: &'static str,
}

impl Write {
    /// Writes.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        let (journal, state) = archive::read(&self.archive)?;
        let at = self.at.or(state.last.filter(|_| self.pack.is_some()));
        let now = at.or_else(|| Clock::system().map(|clock| clock.now())).ok_or_else(|| {
            Failure::usage("the machine's clock can't be read").help("say the time with --at")
        })?;
        let verified = verify::verify(&self.archive, &Options { at, now, plan: None })?;
        let Some(head) = journal.head.clone() else {
            return Err(Failure::usage(format!("{} holds no ceremony yet", self.archive.display()))
                .help("name an archive's directory: the one that holds journal.jsonl"));
        };
        let plan = last_plan(&journal.records);
        let report = Report {
            records: &journal.records,
            head: head.clone(),
            state: &state,
            plan: plan.as_ref(),
            verified: &verified,
            public: self.public,
        };
        let page = report.render();
        load::write(&self.output, page.as_bytes())?;
        if let Some(path) = &self.pack {
            let files = archive::whole(&self.archive)?;
            let packed = pack::pack(page.as_bytes(), &files, &journal.records)
                .map_err(|error| Failure::usage(format!("{} can't be packed: {error}", path.display())))?;
            load::write(path, &packed)?;
        }
        let facts = Facts::of(&report);
        let written = Written {
            file: self.output.display().to_string(),
            sha256: sha256_hex(page.as_bytes()),
            head,
            ok: verified.ok,
            left_out: facts.copy.as_ref().map(Copy::left_out),
            items: items::items(&facts)
                .iter()
                .map(|item| Stands { id: item.id, title: item.title, status: item.status().as_str() })
                .collect(),
        };
        output.result(&written, || {
            let found = if written.ok { "nothing is wrong" } else { "it says what is wrong" };
            let left_out =
                written.left_out.as_ref().map(|left_out| format!("{left_out}\n")).unwrap_or_default();
            format!("{}: the report; {found}. Its SHA-256 is {}.\n{left_out}", written.file, written.sha256)
        })?;
        Ok(if verified.ok { Code::Done } else { Code::Findings })
    }
}

/// The plan that was run last, with its dates as the archive moved them.
fn last_plan(records: &[archive::Record]) -> Option<Plan> {
    let (text, days) = records.iter().rev().find_map(|record| match &record.event {
        Event::CeremonyStarted { text, date_shift, .. } => Some((text, *date_shift)),
        _ => None,
    })?;
    Plan::parse(&Source::new("the archive's last plan", text.as_str())).ok()?.shifted(days)
}
