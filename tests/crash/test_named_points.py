"""Killed at each named point, on both sides: nothing is lost and nothing doubled.

At each death the rows say whether the point is where its name says.
"""

import pytest
from crash_points import (
    ACCEPTED_UNTOLD,
    ARRIVED_UNANSWERED,
    ATTEMPT_WRITTEN,
    ENCODED_UNNAMED,
    HANDED_OVER,
    RECEIPT_KEPT,
    SENT_UNANSWERED,
    TAKEN_AND_TOLD,
    TAKEN_UNTOLD,
    UNTAKEN,
    Scenario,
    answering,
    learning,
    play,
    receiving,
    sending,
)
from crash_stage import CrashStage

EVERY_NAME = [
    Scenario(
        sending("row-committed:1", ACCEPTED_UNTOLD),
        answering("receipt-committed:1", RECEIPT_KEPT),
    ),
    Scenario(
        sending("blob-fsynced:2", ENCODED_UNNAMED),
        answering("row-committed:1", ATTEMPT_WRITTEN),
    ),
    Scenario(
        sending("bytes-sent:1", SENT_UNANSWERED),
        answering("receipt-read:1", ARRIVED_UNANSWERED),
    ),
    Scenario(
        receiving("receipt-sent:1", TAKEN_AND_TOLD),
        learning("message-spooled:1", UNTAKEN),
    ),
    Scenario(
        receiving("message-committed:1", TAKEN_UNTOLD),
        learning("inbox-committed:1", HANDED_OVER),
    ),
]


@pytest.mark.parametrize("scenario", EVERY_NAME, ids=str)
def test_death_at_a_named_point(stage: CrashStage, scenario: Scenario) -> None:
    play(scenario, stage)
