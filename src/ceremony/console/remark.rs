//! What a person can record at any prompt: a deviation, or that somebody does not sign off.

use crate::archive::Event;

/// What can be typed at every prompt beside its answer.
pub(super) const HELP: &str = "  what the question asks for   goes on
  pause, or Ctrl-C             pauses here: nothing is lost, and the same command goes on
  deviation                    records that something went otherwise than the script says
  refusal                      records that a person does not sign off
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

impl Form {
    /// The form that a word asks for.
    pub(super) fn named(word: &str) -> Option<&'static Self> {
        match word {
            "deviation" => Some(&DEVIATION),
            "refusal" => Some(&REFUSAL),
            _ => None,
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
        for form in [&DEVIATION, &REFUSAL] {
            let answers: Vec<String> = form.questions.iter().map(|question| question.to_string()).collect();
            assert!(form.event(&answers).is_some());
            assert!(form.event(&answers[1..]).is_none());
        }
        assert!(Form::named("deviation").is_some() && Form::named("root-hsm").is_none());
    }
}
