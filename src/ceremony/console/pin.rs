//! PINs, typed at the terminal: never shown, asked for once, and known to be a person's last try.

use std::time::Instant;

use secrecy::{ExposeSecret, SecretString};

use super::Console;
use super::line::{self, Typed};
use super::terminal::{BAD, LOUD, NOTE, Terminal, prompt};
use crate::token::{AskPin, PinError, PinRequest};

impl AskPin for Terminal {
    fn ask(&mut self, request: &PinRequest) -> Result<SecretString, PinError> {
        self.end();
        let PinRequest { device, owner, label, serial, model, .. } = request;
        let failed = |reason: String| PinError::NotTyped { reason };
        if !self.ask {
            return Err(failed(format!(
                "the site says that the PIN of {device} is typed, and nobody is asked here; run in a terminal without --yes, or set pin = {{ file = \"…\" }}"
            )));
        }
        if label.is_empty() && serial.is_empty() {
            self.line(format_args!("{device}: a blank token, {model}"));
        } else {
            self.line(format_args!("{device}: token `{label}`, serial {serial}, {model}"));
        }
        if request.count_low {
            self.line(format_args!(
                "  {NOTE}A wrong PIN was typed at this token since the last right one.{NOTE:#} One typed PIN is one attempt."
            ));
        }
        let new = if request.new { "New " } else { "" };
        let pin = self.secret(&format!("{new}{owner} PIN of {device}:"))?;
        if request.new {
            let again = self.secret(&format!("The same {owner} PIN again:"))?;
            if again.expose_secret() != pin.expose_secret() {
                return Err(failed("the two PINs differ; nothing was changed".into()));
            }
        }
        Ok(pin)
    }

    fn last_try(&mut self, request: &PinRequest) -> bool {
        if !self.ask {
            return false;
        }
        let PinRequest { device, owner, serial, .. } = request;
        self.line(format_args!(
            "\n{BAD}{device}: ONE TRY IS LEFT before the {owner} PIN is locked.{BAD:#} Be sure of the PIN before you use it."
        ));
        let question = format!("Type the serial, {serial}, to use the last try (Enter leaves it):");
        self.read(&question).is_ok_and(|typed| !serial.is_empty() && typed == *serial)
    }

    fn keypad(&mut self, request: &PinRequest) {
        let PinRequest { device, owner, label, serial, .. } = request;
        self.line(format_args!(
            "{device}: type the {owner} PIN on the keypad of the token `{label}`, serial {serial}"
        ));
    }
}

impl Terminal {
    fn secret(&mut self, question: &str) -> Result<SecretString, PinError> {
        let failed = |reason: String| PinError::NotTyped { reason };
        let asked = Instant::now();
        let typed = line::secret(|| prompt(format_args!("  {LOUD}{question}{LOUD:#} ")));
        self.waited += asked.elapsed();
        match typed {
            Ok(Typed::Line(Ok(pin))) => Ok(pin),
            Ok(Typed::Line(Err(_))) => Err(failed("what was typed is not UTF-8".into())),
            Ok(Typed::Stop) => {
                self.paused = true;
                Err(failed("Ctrl-C".into()))
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }
}
