"""The verdict: only a finished examination without a fatal finding is valid."""

from itertools import product

import pytest

from schematron.finding import Authority, RulesetRun, RunVerdict, Verdict, decide


def runs(*ends: RunVerdict) -> list[RulesetRun]:
    return [RulesetRun("r", "s", Authority.OFFICIAL, "e", end) for end in ends]


ENDS = [tuple(ends) for size in range(4) for ends in product(RunVerdict, repeat=size)]


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("fatal", [True, False])
@pytest.mark.parametrize("readable", [True, False])
def test_valid_means_everything_ran_and_nothing_is_fatal(complete, fatal, readable):
    for ends in ENDS:
        verdict = decide(runs(*ends), complete=complete, fatal=fatal, readable=readable)
        clean = bool(ends) and set(ends) == {RunVerdict.VALID}
        assert (verdict is Verdict.VALID) is (clean and complete and readable and not fatal)


@pytest.mark.parametrize(
    ("ends", "complete", "fatal", "verdict"),
    [
        ((), True, False, Verdict.UNDETERMINED),
        ((RunVerdict.VALID,), False, False, Verdict.UNDETERMINED),
        ((RunVerdict.INVALID,), False, True, Verdict.INVALID),
        ((RunVerdict.INVALID, RunVerdict.NOT_RUN), True, True, Verdict.INVALID),
        ((RunVerdict.INVALID, RunVerdict.ENGINE_ERROR), True, True, Verdict.ENGINE_ERROR),
        ((RunVerdict.ENGINE_ERROR, RunVerdict.NOT_RUN), True, False, Verdict.ENGINE_ERROR),
    ],
)
def test_precedence(ends, complete, fatal, verdict):
    assert decide(runs(*ends), complete=complete, fatal=fatal) is verdict
