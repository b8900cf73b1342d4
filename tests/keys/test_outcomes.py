"""Each way a test can end is explained, and blamed on whom it should be."""

from collections import Counter

from keys import meanings
from keys.outcomes import Fault, Outcome


def test_every_outcome_has_one_meaning_and_no_meaning_is_left_over():
    groups = (
        meanings.OF_NOBODY,
        meanings.OF_THE_CREDENTIAL,
        meanings.OF_THE_ENDPOINT,
        meanings.OF_THE_NETWORK,
        meanings.OF_THE_WORKER,
    )
    explained = Counter(word for group in groups for word in group)
    assert explained == Counter(outcome.value for outcome in Outcome)


def test_every_outcome_says_what_it_means_and_what_to_do():
    for outcome in Outcome:
        assert outcome.label
        assert outcome.meaning.endswith(".")
        assert outcome.remedy or outcome.fault is Fault.NONE
        assert "!" not in outcome.meaning + outcome.remedy


def test_only_what_is_said_of_the_credential_marks_a_key():
    blamed = {outcome for outcome in Outcome if outcome.fault is Fault.CREDENTIAL}
    assert blamed == {
        Outcome.REFUSED,
        Outcome.DISABLED,
        Outcome.EXPIRED,
        Outcome.REVOKED,
        Outcome.DELETED,
        Outcome.UNAUTHORIZED_CLIENT,
        Outcome.KEY_UNKNOWN,
    }
