//! `rootwright completions` and `rootwright man`.

use std::io::Write;

use clap::CommandFactory;

use super::recovery::{self, Section};
use super::{Cli, Code, Failure};
use crate::evidence::sbom;

/// Print completions for a shell.
///
/// For bash: rootwright completions bash > /etc/bash_completion.d/rootwright
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// Which shell.
    shell: clap_complete::Shell,
}

impl Completions {
    /// Prints.
    pub fn run(self) -> Result<Code, Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "rootwright", &mut text);
        print(&text)
    }
}

/// Print the manual page (roff), with every verb in it; or what to do when a ceremony stops.
///
/// To read it: rootwright man | man -l -
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Print what to do after each kind of failure (Markdown), or one section of it.
    #[arg(long, value_name = "SECTION", num_args = 0..=1)]
    recovery: Option<Option<Section>>,

    /// Print what to do when something is lost: a key, a keyholder's device, the root (Markdown).
    #[arg(long, conflicts_with = "recovery")]
    runbooks: bool,

    /// Print what this tool was built of: an SBOM in CycloneDX 1.6, from the list that is in the binary.
    #[arg(long, conflicts_with = "recovery")]
    sbom: bool,
}

/// `docs/runbooks.md`, which is in the binary, too.
const RUNBOOKS: &str = include_str!("../../docs/runbooks.md");

impl Man {
    /// Prints.
    pub fn run(self) -> Result<Code, Failure> {
        if self.sbom {
            let text = sbom::sbom();
            let text = text.map_err(|error| Failure::usage(format!("the list in the binary: {error}")))?;
            return print(text.as_bytes());
        }
        match self.recovery {
            Some(Some(section)) => return print(format!("# {section}\n\n{}\n", section.text()).as_bytes()),
            Some(None) => return print(recovery::TEXT.as_bytes()),
            None if self.runbooks => return print(RUNBOOKS.as_bytes()),
            None => {}
        }
        let mut command = Cli::command();
        command.build();
        let mut text = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut text)?;
        for verb in command.get_subcommands() {
            let verb = verb.clone().display_name(format!("rootwright {}", verb.get_name()));
            let man = clap_mangen::Man::new(verb);
            man.render_name_section(&mut text)?;
            man.render_synopsis_section(&mut text)?;
            man.render_description_section(&mut text)?;
            man.render_options_section(&mut text)?;
        }
        print(&text)
    }
}

fn print(text: &[u8]) -> Result<Code, Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text)?;
    out.flush()?;
    Ok(Code::Done)
}
