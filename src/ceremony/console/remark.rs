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

/// What is asked, one after the other, and what comes of the answers.
pub(super) struct Form {
    /// What it is.
    pub(super) title: &'static str,
    /// The questions.
    pub(super) questions: &'static [&'static str],
    make: fn(&[String]) -> Option<Event>,
}

/// Something went otherwise than expected.
pub(super) const DEVIATION: Form = Form {
    title: "A deviation. Ctrl-C leaves it out.",
    questions: &["What was expected?", "What happened?", "What was decided?", "By whom?"],
    make: |answers| match answers {
        [expected, happened, decided, by] => Some(Event::DeviationRecorded {
            expected: expected.clone(),
            happened: happened.clone(),
            decided: decided.clone(),
            by: by.clone(),
        }),
        _ => None,
    },
};

/// Somebody does not sign off.
pub(super) const REFUSAL: Form = Form {
    title: "A person does not sign off. Ctrl-C leaves it out.",
    questions: &["Who does not sign off?", "On what?", "Why not?"],
    make: |answers| match answers {
        [person, of, reason] => {
            Some(Event::RefusalRecorded { person: person.clone(), of: of.clone(), reason: reason.clone() })
        }
        _ => None,
    },
};

/// What no program can know: one form for each kind of it.
macro_rules! observations {
    ($($name:ident, $what:ident, $title:literal, [$($question:literal),*];)*) => {
        $(const $name: Form = Form {
            title: concat!($title, " Ctrl-C leaves it out."),
            questions: &[$($question),*],
            make: |answers| observed(Observation::$what, &[$($question),*], answers),
        };)*

        const OBSERVATIONS: &[(Observation, &Form)] = &[$((Observation::$what, &$name)),*];
    };
}

observations! {
    ENTRY, Entry, "Somebody comes in.", ["Who?", "In which part?", "By which clock, when?"];
    EXIT, Exit, "Somebody leaves.", ["Who?", "Why?", "By which clock, when?"];
    BAG, Bag, "A tamper-evident bag.", ["Which number?", "What is in it?", "Opened or closed?", "By whom?"];
    VIDEO, Video, "A recording.", ["What films?", "Who keeps it?", "Its SHA-256, or later?"];
    MEDIA, Media, "A medium with a copy.", ["Which medium?", "What is on it?", "Where is it kept?"];
    CUSTODY, Custody, "Something is handed over.", ["What?", "Who takes it?", "Where is it kept?", "The initials of two who saw it?"];
    BOOT, Boot, "What the machine was started from.", ["Which medium?", "Its SHA-256?", "Who checked it?"];
    RADIOS, Radios, "Radios, addresses and cables.", ["Which radios are there, and how are they off?", "Which addresses does it have?", "Which cables are plugged in?", "Who looked?"];
    CERTIFICATE, Certificate, "A device's certificate.", ["Which device?", "Which number (FIPS 140, Common Criteria)?", "Where was it looked up?"];
    DEFAULTS, Defaults, "A device's default PINs.", ["Which device?", "Which were changed (PIN, officer's PIN, PUK, management key)?", "By whom?"];
    DEVICE_LOG, DeviceLog, "A device's own log.", ["Which device?", "How many uses of keys does it count?", "Where is the log kept?"];
    SHARES, Shares, "Holders of shares.", ["Of which device's PIN?", "Who holds which share?", "Where are they kept?"];
    DESTROYED, Destroyed, "Something is deleted or destroyed.", ["What?", "How?", "By whom?", "The initials of two who saw it?"];
    RETENTION, Retention, "How long things are kept.", ["What?", "Until when?", "By whom?"];
}

fn observed(what: Observation, questions: &[&str], answers: &[String]) -> Option<Event> {
    let said = questions.iter().zip(answers).map(|(question, answer)| (question.to_string(), answer.clone()));
    (questions.len() == answers.len()).then(|| Event::ObservationRecorded { what, said: said.collect() })
}

impl Form {
    /// The form that a word asks for.
    pub(super) fn named(word: &str) -> Option<&'static Self> {
        match word {
            "deviation" => Some(&DEVIATION),
            "refusal" => Some(&REFUSAL),
            word => OBSERVATIONS.iter().find(|(what, _)| what.as_str() == word).map(|(_, form)| *form),
        }
    }

    /// What is recorded; none where an answer is missing.
    pub(super) fn event(&self, answers: &[String]) -> Option<Event> {
        (self.make)(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_needs_all_its_answers() {
        for form in [&DEVIATION, &REFUSAL].into_iter().chain(OBSERVATIONS.iter().map(|(_, form)| *form)) {
            let answers: Vec<String> = form.questions.iter().map(|question| question.to_string()).collect();
            assert!(form.event(&answers).is_some());
            assert!(form.event(&answers[1..]).is_none());
        }
        assert!(Form::named("bag").is_some_and(|form| form.title.starts_with("A tamper")));
        assert!(Form::named("deviation").is_some() && Form::named("root-hsm").is_none());
    }
}
