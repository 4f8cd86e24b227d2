"""What a lookup remembers, and for how long."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.network.lookup_cache import LookupCache

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Answer:
    best_before: datetime = NOW + timedelta(days=1)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_an_answer_is_good_until_its_time_is_over() -> None:
    cache: LookupCache[Answer] = LookupCache(ttl_s=60)
    answer = Answer()
    cache.put("q", answer, NOW)
    assert cache.get("q", later(59.9)) is answer
    assert cache.get("other", NOW) is None
    assert cache.get("q", later(60)) is None
    assert cache.get("q", NOW) is None, "what was over is forgotten"


def test_an_answer_never_outlives_itself() -> None:
    cache: LookupCache[Answer] = LookupCache(ttl_s=60)
    cache.put("q", Answer(best_before=later(10)), NOW)
    assert cache.get("q", later(9)) is not None
    assert cache.get("q", later(10)) is None
    cache.put("over", Answer(best_before=NOW), NOW)
    assert cache.get("over", NOW) is None


def test_without_a_time_nothing_is_remembered() -> None:
    cache: LookupCache[Answer] = LookupCache(ttl_s=0)
    cache.put("q", Answer(), NOW)
    assert cache.get("q", NOW) is None


def test_the_oldest_makes_room_and_a_new_answer_replaces_the_old() -> None:
    cache: LookupCache[Answer] = LookupCache(ttl_s=60, capacity=2)
    newest = Answer()
    for question in ("a", "b", "a", "c"):
        cache.put(question, newest, NOW)
    assert [one for one in "abc" if cache.get(one, NOW)] == ["a", "c"]
