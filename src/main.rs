//! The door: the verbs are in [`rootwright::commands`].

use std::process::ExitCode;

fn main() -> ExitCode {
    rootwright::commands::main()
}
