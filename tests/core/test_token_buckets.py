"""Token buckets over a clock that the test moves."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.token_buckets import Rate, TokenBuckets, neighbourhood


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_burst_passes_and_then_the_rate():
    clock = Clock()
    buckets = TokenBuckets(Rate(per_minute=60, burst=3), now=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 1]
    assert buckets.take("b") == 0
    clock.seconds = 0.5
    assert buckets.take("a") == 0.5
    clock.seconds = 1
    assert [buckets.take("a") for _ in range(2)] == [0, 1]


def test_no_rate_is_no_limit():
    buckets = TokenBuckets(Rate(per_minute=0, burst=1), now=Clock())
    assert all(buckets.take("a") == 0 for _ in range(100))


def test_only_so_many_are_remembered():
    buckets = TokenBuckets(Rate(per_minute=1, burst=1), now=Clock(), kept=2)
    assert [buckets.take(one) for one in "abc"] == [0, 0, 0]
    assert buckets.take("b") > 0
    assert buckets.take("a") == 0


@settings(max_examples=60)
@given(st.lists(st.floats(0, 30), min_size=1, max_size=60), st.integers(1, 5))
def test_never_more_than_burst_and_rate_allow(pauses, burst):
    clock = Clock()
    buckets = TokenBuckets(Rate(per_minute=30, burst=burst), now=clock)
    passed = 0
    for pause in pauses:
        clock.seconds += pause
        wait = buckets.take("a")
        passed += wait == 0
        assert passed <= burst + clock.seconds / 2 + 1e-6
        if wait:
            clock.seconds += wait + 1e-9
            assert buckets.take("a") == 0
            passed += 1


def test_an_ipv6_site_is_one_caller():
    assert neighbourhood("192.0.2.1") == "192.0.2.1"
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff:1")
    assert neighbourhood("2001:db8::1") != neighbourhood("2001:db8:0:1::1")
    assert neighbourhood("unknown") == "unknown"


def test_threads_share_one_bucket():
    buckets = TokenBuckets(Rate(per_minute=1, burst=500), now=Clock())
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda _: buckets.take("a"), range(2000)))
    assert waits.count(0.0) == 500
