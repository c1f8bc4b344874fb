//! What a person can record at any prompt: a deviation, or that somebody does not sign off.

use crate::archive::Event;
use crate::archive::event::Observation;

/// What can be typed at every prompt beside its answer.
pub(super) const HELP: &str = "  what the question asks for   goes on
  pause, or Ctrl-C             pauses here: nothing is lost, and the same command goes on
  deviation                    records that something went otherwise than the script says
  refusal                      records that a person does not sign off
  entry, exit                  records who comes in, or leaves
  bag, media, custody          records a bag's number, a copy's medium, who keeps what
  video                        records what films this, or the hash of a film
  boot, radios                 records what the machine was started from, its radios and cables
  certificate, defaults        records a device's certificate number, which default PINs were changed
  device-log                   records what a device's own log says
  shares, destroyed, retention records who holds shares, what was destroyed, until when things are kept
  ?                            shows this";

/// What a person fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Something went otherwise than expected.
    Deviation,
    /// Somebody does not sign off.
    Refusal,
    /// What no program can know.
    Observed(Observation),
}

impl Form {
    /// The form that a word asks for.
    pub(super) fn named(word: &str) -> Option<Self> {
        match word {
            "deviation" => Some(Self::Deviation),
            "refusal" => Some(Self::Refusal),
            word => Observation::ALL.iter().find(|what| what.as_str() == word).copied().map(Self::Observed),
        }
    }

    /// What it is.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Deviation => "A deviation.",
            Self::Refusal => "A person does not sign off.",
            Self::Observed(what) => what.title(),
        }
    }

    /// What is asked, one after the other.
    pub(super) fn questions(self) -> &'static [&'static str] {
        match self {
            Self::Deviation => &["What was expected?", "What happened?", "What was decided?", "By whom?"],
            Self::Refusal => &["Who does not sign off?", "On what?", "Why not?"],
            Self::Observed(what) => what.questions(),
        }
    }

    /// What is recorded; none where an answer is missing.
    pub(super) fn event(self, answers: &[String]) -> Option<Event> {
        match (self, answers) {
            (Self::Deviation, [expected, happened, decided, by]) => Some(Event::DeviationRecorded {
                expected: expected.clone(),
                happened: happened.clone(),
                decided: decided.clone(),
                by: by.clone(),
            }),
            (Self::Refusal, [person, of, reason]) => Some(Event::RefusalRecorded {
                person: person.clone(),
                of: of.clone(),
                reason: reason.clone(),
            }),
            (Self::Observed(what), answers) if answers.len() == what.questions().len() => {
                let said = what.questions().iter().map(|question| question.to_string());
                Some(Event::ObservationRecorded { what, said: said.zip(answers.iter().cloned()).collect() })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_needs_all_its_answers() {
        let observed = Observation::ALL.iter().copied().map(Form::Observed);
        for form in [Form::Deviation, Form::Refusal].into_iter().chain(observed) {
            let answers: Vec<String> = form.questions().iter().map(|question| question.to_string()).collect();
            assert!(form.event(&answers).is_some());
            assert!(form.event(&answers[1..]).is_none());
        }
        assert!(Form::named("bag").is_some_and(|form| form.title().starts_with("A tamper")));
        assert!(Form::named("deviation").is_some() && Form::named("root-hsm").is_none());
    }

    #[test]
    fn the_help_has_every_word() {
        let named = |word: &str| HELP.split([' ', ',', '\n']).any(|found| found == word);
        for what in Observation::ALL {
            assert!(named(what.as_str()), "{}", what.as_str());
        }
    }
}
