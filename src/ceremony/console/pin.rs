//! PINs, typed at the terminal: never shown, asked for once, and known to be a person's last try.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

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
                "the site says that the {} of {device} is typed, and nobody is asked here; run in a terminal without --yes, or set pin = {{ file = \"…\" }}",
                owner.secret()
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
        if let Some(tries) = request.tries.filter(|_| !request.new) {
            let words = if tries == 1 { "1 try is".into() } else { format!("{tries} tries are") };
            self.line(format_args!("  {words} left."));
        }
        let (new, owner) = (if request.new { "New " } else { "" }, owner.secret());
        let pin = self.secret(&format!("{new}{owner} of {device}:"))?;
        if request.new {
            let again = self.secret(&format!("The same {owner} again:"))?;
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

    fn touch(&mut self, request: &PinRequest) {
        let PinRequest { device, serial, .. } = request;
        self.line(format_args!(
            "  {LOUD}Touch {device} now:{LOUD:#} the YubiKey with serial {serial} blinks, and waits for a touch."
        ));
        // It goes on until the device answers.
        self.step = format!("waiting for a touch of {device}");
        self.spin();
    }

    fn touched(&mut self) {
        self.end();
    }

    fn replace(&mut self, request: &PinRequest, what: &str) -> bool {
        if !self.ask {
            return false;
        }
        let PinRequest { device, serial, .. } = request;
        self.line(format_args!(
            "\n{BAD}{device}, serial {serial}: there is {what}. A new key REPLACES it, for good.{BAD:#}"
        ));
        let question = format!("Type the serial, {serial}, to replace it (Enter leaves it):");
        self.read(&question).is_ok_and(|typed| !serial.is_empty() && typed == *serial)
    }

    fn deal(
        &mut self,
        request: &PinRequest,
        share: &SecretString,
        (number, of): (u8, u8),
    ) -> Result<(), PinError> {
        let failed = |reason: &str| PinError::NotTyped { reason: reason.into() };
        self.end();
        let (device, owner) = (&request.device, request.owner);
        if !self.ask {
            return Err(failed(&format!(
                "the {owner} PIN of {device} is dealt out in shares, and nobody is asked here; run in a terminal"
            )));
        }
        if number == 1 {
            self.line(format_args!(
                "{device}: nobody will know its {owner} PIN. It is dealt out in {of} shares, one for each holder; each is shown once, and typed back."
            ));
        }
        loop {
            let ready =
                format!("Share {number} of {of}: only its holder looks at the screen. Enter shows it:");
            self.read(&ready).map_err(|_| failed("Ctrl-C; nothing was changed"))?;
            self.line(format_args!("    {LOUD}{}{LOUD:#}", share.expose_secret()));
            let hide = "Written down on paper? Enter hides it for good:";
            let hidden = self.read(hide);
            // The share's line, the question's, and the answer's end.
            erase(2);
            hidden.map_err(|_| failed("Ctrl-C; nothing was changed"))?;
            let typed = self.secret(&format!("Share {number}, from the paper:"))?;
            if same(typed.expose_secret(), share.expose_secret()) {
                return Ok(());
            }
            self.line(format_args!("  {BAD}That is not what was shown.{BAD:#} It is shown again."));
        }
    }

    fn share(
        &mut self,
        request: &PinRequest,
        (typed, needed): (u8, u8),
        wrong: Option<&str>,
    ) -> Result<SecretString, PinError> {
        self.end();
        let PinRequest { device, owner, serial, .. } = request;
        if !self.ask {
            return Err(PinError::NotTyped {
                reason: format!(
                    "the {owner} PIN of {device} is restored from shares that are typed, and nobody is asked here; run in a terminal without --yes"
                ),
            });
        }
        match wrong {
            Some(wrong) => self.line(format_args!("  {BAD}{wrong}.{BAD:#} No attempt was used.")),
            None if typed == 0 => self.line(format_args!(
                "{device}, serial {serial}: {needed} holders type their shares of its {owner} PIN, in any order."
            )),
            None => {}
        }
        self.secret(&format!("Share {} of the {needed} that are needed:", typed.saturating_add(1)))
    }

    fn keypad(&mut self, request: &PinRequest) {
        let PinRequest { device, owner, label, serial, .. } = request;
        self.line(format_args!(
            "{device}: type the {owner} PIN on the keypad of the token `{label}`, serial {serial}"
        ));
    }
}

/// Whether two texts are one share, whatever its groups and letters look like.
fn same(typed: &str, shown: &str) -> bool {
    let plain = |text: &str| {
        let letters = text.chars().filter(|character| character.is_ascii_alphanumeric());
        Zeroizing::new(letters.map(|character| character.to_ascii_uppercase()).collect::<String>())
    };
    plain(typed) == plain(shown)
}

/// Takes the last lines off the screen.
fn erase(lines: usize) {
    let stderr = std::io::stderr();
    if stderr.is_terminal() {
        // What can't be erased was read by its holder all the same.
        let _ = stderr.lock().write_all("\x1b[1A\x1b[2K".repeat(lines).as_bytes());
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
