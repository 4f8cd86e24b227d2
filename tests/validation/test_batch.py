"""A batch: input order, bounded memory, and no document that takes the others with it."""

import asyncio
import hashlib
import json
import os
import random
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath

import pytest

from gateway.core.errors import GatewayError
from gateway.core.pool import POOL_CRASHED, POOL_FAILED, POOL_MEMORY, POOL_TIMEOUT
from gateway.validation import batch_worker
from gateway.validation.batch import Summary, batch_pool, check_all
from gateway.validation.batch_inputs import BatchInput, discover, may_be_many
from gateway.validation.batch_worker import BatchOrder, Outcome, check, initialise
from schematron.report.formats import ReportFormat
from schematron.texts import LANGUAGES

ORDER = BatchOrder(
    as_of=date(2026, 11, 2),
    rules=None,
    lang="en",
    form=ReportFormat.JSON,
    checked_at=datetime(2026, 11, 2, 9, 0, tzinfo=UTC),
)
NOTE = b"<note>%d</note>"


def source(name: str) -> BatchInput:
    return BatchInput(name, name, PurePosixPath(Path(name).name))


def names(paths):
    return [item.name for item in discover(map(str, paths))]


def test_folders_are_walked_in_order_for_xml_and_pdf(tmp_path):
    for name in ("b/2.xml", "b/1.PDF", "a.xml", "z.txt", ".hidden.xml", ".git/x.xml", "b/c/3.XML"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "b" / "back").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "b" / "link.xml").symlink_to(tmp_path / "a.xml")
    found = list(discover([str(tmp_path)]))
    assert [str(item.target) for item in found] == [
        "a.xml",
        "b/1.PDF",
        "b/2.xml",
        "b/c/3.XML",
        "b/link.xml",
    ]
    assert found[0].name == str(tmp_path / "a.xml")


def test_what_is_named_is_taken_as_it_is(tmp_path):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")
    assert names(["-", odd, tmp_path / "missing"]) == [
        "-",
        f"{tmp_path}/caf\ufffd.txt",
        f"{tmp_path}/missing",
    ]
    assert may_be_many([str(tmp_path)])
    assert may_be_many(["a.xml", "b.xml"])
    assert not may_be_many(["-"])
    assert not may_be_many([str(tmp_path / "missing")])


def test_files_are_found_one_at_a_time(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.xml").write_bytes(b"")
    found = discover([str(tmp_path)])
    assert next(found).target == PurePosixPath("a/1.xml")
    (tmp_path / "b" / "2.xml").write_bytes(b"")
    assert [str(item.target) for item in found] == ["b/1.xml", "b/2.xml"]


class Written(bytes):
    """A report that knows how many of its kind are alive."""

    alive = 0
    most = 0

    def __new__(cls, content: bytes = b""):
        cls.alive += 1
        cls.most = max(cls.most, cls.alive)
        return super().__new__(cls, content)

    def __del__(self):
        Written.alive -= 1


class Pool:
    """Does tasks in an order of its own, and counts how many are asked for at once."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.under_way = self.most = 0

    async def run(self, item, content, order):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        for _ in range(self._random.randrange(6)):
            await asyncio.sleep(0)
        self.under_way -= 1
        verdict = self._random.choice(["valid", "invalid"])
        return Outcome(item, verdict, "Sender", {("R-1", "fatal"): 1}, Written(b"x" * 1000))


@pytest.mark.parametrize("jobs", [1, 3])
async def test_answers_come_in_input_order_and_few_are_kept(jobs):
    Written.alive = Written.most = 0
    pool, summary = Pool(7), Summary()
    asked = [str(number) for number in range(500)]
    answered = []
    async for outcome in check_all(map(source, asked), ORDER, pool=pool, jobs=jobs):
        answered.append(outcome.source.name)
        summary.add(outcome)
    assert answered == asked
    assert summary.verdicts.total() == 500
    assert pool.most <= jobs * 4
    assert Written.most <= jobs * 4 + 1


async def test_inputs_are_looked_for_when_their_turn_comes():
    taken = []

    def endless():
        number = 0
        while True:
            taken.append(number)
            yield source(str(number))
            number += 1

    outcomes = check_all(endless(), ORDER, pool=Pool(1), jobs=2)
    async with aclosing(outcomes):
        async for outcome in outcomes:
            if outcome.source.name == "20":
                break
    assert len(taken) <= 20 + 1 + 8


@pytest.mark.parametrize("kind", [POOL_TIMEOUT, POOL_MEMORY, POOL_CRASHED, POOL_FAILED])
@pytest.mark.parametrize("lang", LANGUAGES)
async def test_a_process_that_gave_up_is_a_verdict(tmp_path, kind, lang):
    class Failing:
        async def run(self, *_arguments):
            raise GatewayError(kind, "This process is gone.")

    file = tmp_path / "a.xml"
    file.write_bytes(b"<a/>")
    order = BatchOrder(ORDER.as_of, None, lang, ReportFormat.JSON, ORDER.checked_at)
    (outcome,) = [
        one async for one in check_all([source(str(file))], order, pool=Failing(), jobs=1)
    ]
    report = json.loads(outcome.written)
    assert (outcome.verdict, report["valid"]) == ("engine-error", False)
    assert report["sha256"] == hashlib.sha256(b"<a/>").hexdigest()
    assert report["findings"][0]["rule"] == kind.code
    assert report["findings"][0]["hint"]


async def test_real_processes_read_check_and_go_on(tmp_path, monkeypatch):
    good = tmp_path / "1.xml"
    good.write_bytes(NOTE % 1)
    pipe = tmp_path / "2.xml"
    os.mkfifo(pipe)  # a document that never ends holds its process until the time is up
    files = [good, pipe, tmp_path / "3.xml", tmp_path]
    pool = batch_pool(config_dir=None, store=None, jobs=1, timeout_s=60, rss_limit_mb=1500)
    watch = pool._watch

    async def impatient_with_the_pipe(slot, child, arguments):
        pool._timeout_s = 1 if arguments[0].path == str(pipe) else 60
        return await watch(slot, child, arguments)

    monkeypatch.setattr(pool, "_watch", impatient_with_the_pipe)
    try:
        outcomes = [
            one
            async for one in check_all(
                (source(str(file)) for file in files), ORDER, pool=pool, jobs=1
            )
        ]
    finally:
        await pool.close()
    assert [one.verdict for one in outcomes] == [
        "undetermined",
        "engine-error",
        "unreadable",
        "unreadable",
    ]
    reports = [json.loads(one.written) for one in outcomes]
    assert reports[0]["sha256"] == hashlib.sha256(NOTE % 1).hexdigest()
    assert reports[1]["findings"][0]["rule"] == "POOL-TIMEOUT"
    assert reports[1]["sha256"] == ""
    assert "No such file" in reports[2]["findings"][0]["message"]
    assert reports[3]["findings"][0]["rule"] == "FILE-UNREADABLE"


def test_a_file_beyond_all_measure_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_worker, "LARGEST", 2 << 20)
    file = tmp_path / "a.xml"
    file.write_bytes(b" " * (3 << 20))
    report = json.loads(check(initialise(None, None), source(str(file)), None, ORDER).written)
    assert report["verdict"] == "unreadable"
    assert report["findings"][0]["message"] == (
        "The file is larger than any business document: more than 2 MB."
    )
    assert report["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    endless = json.loads(check(initialise(None, None), source("/dev/zero"), None, ORDER).written)
    assert (endless["verdict"], endless["sha256"]) == ("unreadable", "")


def outcome(verdict, sender="", **fired):
    rules = {(rule.replace("_", "-"), "fatal"): count for rule, count in fired.items()}
    return Outcome(source("a"), verdict, sender, rules, b"")


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 2),
        (["valid"] * 2, 0),
        (["valid", "invalid"], 1),
        (["valid", "undetermined"], 1),
        (["invalid", "unreadable"], 2),
        (["valid", "engine-error"], 2),
    ],
)
def test_the_exit_code_tells_the_worst(verdicts, code):
    summary = Summary()
    for verdict in verdicts:
        summary.add(outcome(verdict))
    assert summary.exit_code == code


def test_the_summary_counts_by_verdict_rule_and_sender():
    summary = Summary()
    summary.add(outcome("invalid", "Brouwerij", BR_25=3, BR_08=1))
    summary.add(outcome("invalid", "Brouwerij", BR_25=2))
    summary.add(outcome("valid", "Atelier"))
    summary.add(outcome("unreadable"))
    assert list(summary.lines(lang="en")) == [
        "Documents checked: 4",
        "         1  Valid",
        "         2  Not valid",
        "         1  Unreadable",
        "Rules broken most (documents, findings)",
        "         2        5  BR-25 (error)",
        "         1        1  BR-08 (error)",
        "Senders (documents, of which not valid)",
        "         2        2  Brouwerij",
        "         1        0  Atelier",
        "         1        1  (no sender named)",
    ]


def test_a_note_is_no_broken_rule():
    summary = Summary()
    noted = {("UBL-CR-646", "information"): 4, ("BR-25", "warning"): 1}
    summary.add(replace(outcome("valid"), fired=noted))
    rules = [line for line in summary.lines(lang="en") if "(warning)" in line or "(note)" in line]
    assert rules == ["         1        1  BR-25 (warning)"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_summary_of_countless_senders_stays_short_and_small(lang):
    summary = Summary()
    for number in range(10_500):
        summary.add(outcome("valid", f"Sender {number}"))
    lines = list(summary.lines(lang=lang))
    assert len(lines) == 1 + 1 + 1 + 20 + 1
    assert lines[3] == "       500        0  …"
