"""When to try again: a pure function of what happened."""

import errno
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.jobs.backoff import Again, Dead, GiveUp, Ladder, Reschedule, judge

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STEPS = tuple(timedelta(seconds=s) for s in (60, 300, 900, 3600))
LADDER = Ladder(steps=STEPS, patience=timedelta(days=3))


@given(attempt=st.integers(1, 40), jitter=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_between_half_and_all_of_its_step(attempt: int, jitter: float) -> None:
    at = LADDER.next_attempt(attempt=attempt, first_at=NOW, now=NOW, jitter=jitter)
    step = STEPS[min(attempt, 4) - 1]
    assert isinstance(at, datetime)
    assert step / 2 <= at - NOW <= step


@pytest.mark.parametrize(("age", "gives_up"), [(timedelta(hours=71), False), (timedelta(3), True)])
def test_patience_ends(age: timedelta, gives_up: bool) -> None:
    at = LADDER.next_attempt(attempt=9, first_at=NOW - age, now=NOW, jitter=0.5)
    assert (at is GiveUp.TOO_LATE) is gives_up


def verdict(
    failure: Exception, *, attempt: int = 1, deadline: datetime | None = None
) -> Again | Dead:
    return judge(
        failure,
        policy=LADDER,
        attempt=attempt,
        first_at=NOW,
        deadline=deadline,
        now=NOW,
        jitter=0.0,
    )


PASSING = GatewayError(ErrorKind("TEST-BUSY", "Busy", 503, Retry.BACKOFF), "Busy; retried.")
LASTING = GatewayError(ErrorKind("TEST-NO", "No", 400), "Never.")


def test_the_retry_class_decides() -> None:
    again = verdict(PASSING, attempt=30)
    assert isinstance(again, Again)
    assert again.error is not None
    assert (again.error.code, again.error.text) == ("TEST-BUSY", "Busy; retried.")
    dead = verdict(LASTING)
    assert isinstance(dead, Dead)
    assert dead.error.code == "TEST-NO"


def test_a_disk_without_room_is_waited_for_and_other_trouble_with_files_is_a_fault() -> None:
    again = verdict(OSError(errno.ENOSPC, "full"), attempt=30)
    assert isinstance(again, Again)
    assert again.error is not None
    assert again.error.code == "STORAGE-FULL"
    assert isinstance(verdict(OSError(errno.EIO, "broken"), attempt=30), Dead)


def test_an_unforeseen_exception_is_tried_five_times() -> None:
    outcomes = [type(verdict(ValueError("iban"), attempt=n)) for n in range(1, 6)]
    assert outcomes == [Again] * 4 + [Dead]


def test_an_unforeseen_exception_is_named_but_not_quoted() -> None:
    try:
        raise ValueError("BE71 0961 2345 6769")
    except ValueError as failure:
        found = verdict(failure)
    assert isinstance(found, Again)
    assert found.error is not None
    assert found.error.text.startswith("ValueError in test_an_unforeseen_exception")
    assert "BE71" not in found.error.text


def test_a_deadline_before_the_next_attempt_ends_it() -> None:
    assert isinstance(verdict(PASSING, deadline=NOW + timedelta(seconds=29)), Dead)
    assert isinstance(verdict(PASSING, deadline=NOW + timedelta(seconds=30)), Again)


def test_a_handler_may_name_the_time() -> None:
    later = NOW + timedelta(days=9)
    assert verdict(Reschedule(later), attempt=99) == Again(later, None)
