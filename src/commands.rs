//! The verbs. Each file has a verb's arguments, whose doc comments are its help, and its `run`.

pub mod approve;
pub mod check;
pub mod completions;
mod failure;
pub mod load;
pub mod output;
pub mod prove;
pub mod recovery;
pub mod rehearse;
pub mod report;
pub mod run;
pub mod schema;
pub mod script;
pub mod seal;
pub mod show;
pub mod sign;
mod signer;
pub mod token;
pub mod verify;

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};

pub use output::{Code, Failure, Output};

/// The head of the help.
const ABOUT: &str = "Blank HSMs in, a sigstore trust root that stock clients verify out, with the evidence an auditor asks for.";

/// The foot of the help.
const EPILOGUE: &str = "\
A plan says what the trust root shall be. The archive says what it is. A ceremony is the difference:
`run` does what is missing, no more. Rehearse the plan before the day:

  rootwright rehearse ceremony/sigstore.toml --archive target/rehearsal --yes
  rootwright verify target/rehearsal

Exit codes
  0  done
  1  findings: a check, lint or verification failed
  2  usage, or a file that can't be read
  3  paused: something or someone is still missing; run again
  4  a device failed
  5  refused: going on could lose or expose something";

/// rootwright: a hardware-backed root CA tool.
#[derive(Debug, Parser)]
#[command(name = "rootwright", version, about = ABOUT, long_about = None, after_long_help = EPILOGUE)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Write one JSON document to stdout; progress and errors still go to stderr.
    #[arg(long, global = true)]
    pub json: bool,

    /// Colours: auto (in a terminal, unless NO_COLOR is set), always or never.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: output::Color,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Script(script::Print),
    Approve(approve::Approve),
    Rehearse(rehearse::Rehearse),
    Run(run::Run),
    Verify(verify::Verify),
    Prove(prove::Prove),
    Report(report::Write),
    Seal(seal::Seal),
    Show(show::Show),
    Sign(sign::Sign),
    Token(token::Token),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Man(completions::Man),
}

/// Parses the command line, runs the verb, renders a failure, and gives the exit code.
pub fn main() -> ExitCode {
    let start = Instant::now();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors.
            let code = if error.use_stderr() { Code::Usage } else { Code::Done };
            let _ = error.print();
            return ExitCode::from(code.number());
        }
    };
    cli.color.apply();
    let output = Output { json: cli.json };
    let code = cli.verb.run(&output, start).unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.code
    });
    ExitCode::from(code.number())
}

impl Verb {
    fn run(self, output: &Output, start: Instant) -> Result<Code, Failure> {
        match self {
            Self::Check(verb) => verb.run(output),
            Self::Script(verb) => verb.run(output),
            Self::Approve(verb) => verb.run(output),
            Self::Rehearse(verb) => verb.run(output, start),
            Self::Run(verb) => verb.run(output, start),
            Self::Verify(verb) => verb.run(output),
            Self::Prove(verb) => verb.run(output),
            Self::Report(verb) => verb.run(output),
            Self::Seal(verb) => verb.run(output, start),
            Self::Show(verb) => verb.run(output),
            Self::Sign(verb) => verb.run(output),
            Self::Token(verb) => verb.run(output),
            Self::Schema(verb) => verb.run(),
            Self::Completions(verb) => verb.run(),
            Self::Man(verb) => verb.run(),
        }
    }
}
