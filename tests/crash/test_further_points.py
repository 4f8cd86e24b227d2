"""With the named points: killed at every place where a name is reached, on both sides."""

import pytest
from crash_points import (
    ARRIVED_UNANSWERED,
    ATTEMPT_WRITTEN,
    ENCODED_UNNAMED,
    HANDED_OVER,
    RECEIPT_KEPT,
    SENT_UNANSWERED,
    STORED_UNTOLD,
    TAKEN_AND_TOLD,
    TAKEN_UNTOLD,
    UNTAKEN,
    UNTAKEN_STORED,
    Scenario,
    answering,
    learning,
    play,
    receiving,
    sending,
)
from crash_stage import CrashStage

PLACES = [
    Scenario(
        sending("blob-fsynced:1", STORED_UNTOLD),
        answering("blob-fsynced:2", ENCODED_UNNAMED),
    ),
    Scenario(
        sending("row-committed:2", ATTEMPT_WRITTEN),
        answering("bytes-sent:1", SENT_UNANSWERED),
    ),
    Scenario(
        sending("receipt-read:1", ARRIVED_UNANSWERED),
        answering("row-committed:1", ATTEMPT_WRITTEN),
    ),
    Scenario(
        sending("receipt-committed:1", RECEIPT_KEPT),
        answering("blob-fsynced:2", ENCODED_UNNAMED),
    ),
    Scenario(
        receiving("message-spooled:1", UNTAKEN),
        learning("message-committed:1", TAKEN_UNTOLD),
    ),
    Scenario(
        receiving("blob-fsynced:1", UNTAKEN_STORED),
        learning("receipt-sent:1", TAKEN_AND_TOLD),
    ),
    Scenario(
        receiving("inbox-committed:1", HANDED_OVER),
        learning("blob-fsynced:3", UNTAKEN_STORED),
    ),
]


@pytest.mark.parametrize("scenario", PLACES, ids=str)
def test_death_at_a_further_point(stage: CrashStage, scenario: Scenario) -> None:
    play(scenario, stage)
