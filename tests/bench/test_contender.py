"""The comparison of formats comes to its end whatever a product does, and says what it left out."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.contender import LIMIT_S, Absent, Contender, Document
from bench.talk import Talker, TookTooLong

# Answers at once with its process id, works for ever, or waits for ever.
PRODUCT = """
import json, os, sys, time
for line in sys.stdin:
    order = line.strip()
    while order == "work":
        pass
    while order == "wait":
        time.sleep(60)
    if order == "end":
        break
    print(json.dumps({"order": order, "process": os.getpid()}), flush=True)
"""
SOON = time.monotonic() + 3600


def document(lines: int) -> Document:
    files = {"ubl": Path("invoice.xml")}
    return Document(lines=lines, files=files, repeats=30, cold=60)


class Told(Talker):
    """A product that takes as long as it is told to, and keeps what it was asked."""

    def __init__(self, answer: Callable[[int], dict[str, Any]]) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def ask(self, order: str, *, most: float | None = None) -> dict[str, Any]:
        assert most == LIMIT_S
        self.asked.append(order)
        return self.answer(len(self.asked))


def contender(
    answer: Callable[[int], dict[str, Any]], *, is_java: bool = False, deadline: float = SOON
) -> tuple[Contender, list[str]]:
    product = Told(answer)
    tasks = {"read UBL": "ubl"}
    pages = Path("pages.pdf")
    return Contender(
        "it", product, tasks, pages, hurry=deadline, deadline=deadline, is_java=is_java
    ), product.asked


@pytest.mark.parametrize("what", ["work", "wait"])
def test_who_does_not_answer_is_ended_and_begins_anew(what: str) -> None:
    with Talker([sys.executable, "-c", PRODUCT]) as product:
        first = product.ask("one", most=60)
        held = product.peak_megabytes()
        with pytest.raises(TookTooLong):
            product.ask(what, most=0.1)
        second = product.ask("two", most=60)
        assert (first["order"], second["order"]) == ("one", "two")
        assert first["process"] != second["process"]
        assert product.peak_megabytes() >= held


def test_who_ends_of_himself_is_an_error() -> None:
    with Talker([sys.executable, "-c", PRODUCT]) as product:
        assert json.dumps(product.ask("without a limit"))
        with pytest.raises(RuntimeError, match="ended"):
            product.ask("end", most=60)


def test_what_is_quick_is_warmed_up_and_measured_as_often_as_fits() -> None:
    it, asked = contender(lambda _: {"seconds": 0.1}, is_java=True)
    it.warm_up("read UBL", document(2))
    it.measure("read UBL", document(2))
    it.measure("read UBL", document(2))
    once, warm, *rounds = [int(order.split("|")[1]) for order in asked]
    assert once == 1 < warm < 60
    assert rounds[0] == rounds[1] > 1
    assert asked[0] == "read UBL|1|invoice.xml|pages.pdf"
    assert it.took["read UBL", 2] == [0.1, 0.1]


def test_what_takes_long_is_measured_once() -> None:
    it, asked = contender(lambda _: {"seconds": 2.5})
    it.warm_up("read UBL", document(2))
    it.measure("read UBL", document(2))
    assert (len(asked), it.took["read UBL", 2]) == (1, [2.5])


def test_what_takes_far_too_long_is_told_and_not_begun_with_more_lines() -> None:
    def never(_: int) -> dict[str, Any]:
        raise TookTooLong

    it, asked = contender(never)
    for lines in (200, 5000):
        it.warm_up("read UBL", document(lines))
        it.measure("read UBL", document(lines))
    assert len(asked) == 1
    assert it.absent["read UBL", 200] == Absent("over 20 s")
    assert it.absent["read UBL", 5000] == Absent("left out", "500 s or more were to be expected")


def test_two_lines_tell_nothing_of_five_thousand() -> None:
    it, asked = contender(lambda _: {"seconds": 1.0})
    it.warm_up("read UBL", document(2))
    it.warm_up("read UBL", document(5000))
    assert (len(asked), it.absent) == (2, {})


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("does not do it", Absent(None)),
        ("java.lang.IllegalArgumentException: does not do it", Absent(None)),
        ("KeyError: 'listVersionID'", Absent("failed", "KeyError: 'listVersionID'")),
    ],
)
def test_who_fails_is_told_from_who_does_not_do_it(said: str, shown: Absent) -> None:
    it, asked = contender(lambda _: {"absent": said})
    it.warm_up("read UBL", document(2))
    it.measure("read UBL", document(2))
    assert (len(asked), it.absent["read UBL", 2]) == (1, shown)


def test_after_the_time_is_up_nothing_more_is_begun() -> None:
    it, asked = contender(lambda _: {"seconds": 0.1}, deadline=time.monotonic() - 1)
    it.warm_up("read UBL", document(2))
    it.measure("read UBL", document(2))
    assert asked == []
    assert it.absent["read UBL", 2] == Absent("no time")


def test_when_time_is_short_one_round_is_enough() -> None:
    it, _ = contender(lambda _: {"seconds": 0.1})
    it.warm_up("read UBL", document(2))
    it.hurry = time.monotonic() - 1
    it.measure("read UBL", document(2))
    it.measure("read UBL", document(2))
    assert it.took["read UBL", 2] == [0.1]
