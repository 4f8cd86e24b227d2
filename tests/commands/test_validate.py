"""``gateway validate``: what it prints, where it writes, how it ends."""

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.core import telemetry

NOTE = "<note><to>{}</to></note>"


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in; logging stays as pytest has set it up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(telemetry, "configure", lambda **_options: None)
    return tmp_path


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    """A folder of three documents nobody has rules for, one that is no XML, and something else."""
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.xml").write_text(NOTE.format("a"))
    (folder / "b.xml").write_text("no XML")
    (folder / "sub" / "c.xml").write_text(NOTE.format("c"))
    (folder / "sub" / "d.XML").write_text(NOTE.format("d"))
    (folder / "notes.txt").write_text("not a document")
    return folder


def validate(*arguments: str | Path) -> int:
    return main(["validate", "--jobs", "1", *map(str, arguments)])


def test_one_object_per_line_in_input_order(invoices, capfdbinary):
    assert validate("--format", "json", invoices, invoices / "a.xml") == 2
    printed = capfdbinary.readouterr()
    reports = [json.loads(line) for line in printed.out.splitlines()]
    assert [Path(report["file"]).name for report in reports] == [
        "a.xml",
        "b.xml",
        "c.xml",
        "d.XML",
        "a.xml",
    ]
    verdicts = [report["verdict"] for report in reports]
    assert verdicts == ["undetermined", "unreadable", *["undetermined"] * 3]
    assert b"Documents checked: 5" in printed.err
    assert b"\r" not in printed.err  # nobody watches, so there is no progress


def test_text_comes_with_its_summary_in_the_language_asked_for(invoices, capfd):
    assert validate("--lang", "fr", invoices / "a.xml", invoices / "sub") == 1
    printed = capfd.readouterr()
    assert f"{invoices}/a.xml: Indéterminé." in printed.out
    assert "Documents contrôlés\u00a0: 3".replace("\u00a0", " ") in printed.out
    assert printed.err == ""


def test_a_single_document_has_no_summary(invoices, capfd):
    assert validate(invoices / "a.xml") == 1
    assert "Documents checked" not in "".join(capfd.readouterr())


def test_rows_for_a_spreadsheet(invoices, capfd):
    assert validate("--format", "csv", invoices) == 2
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out, newline="")))
    assert [Path(row["file"]).name for row in rows] == ["a.xml", "b.xml", "c.xml", "d.XML"]
    assert rows[1]["verdict"] == "unreadable"


@pytest.mark.parametrize(
    ("form", "start"), [("html", b"<!doctype html>"), ("svrl", b"<?xml"), ("pdf", b"%PDF-")]
)
def test_a_file_for_each_document(invoices, tmp_path, capfd, form, start):
    assert validate("--format", form, "--output", "out", invoices, invoices / "a.xml") == 2
    written = sorted(
        str(file.relative_to("out")) for file in Path("out").rglob("*") if file.is_file()
    )
    assert written == [
        f"a.xml-2.{form}",
        f"a.xml.{form}",
        f"b.xml.{form}",
        f"sub/c.xml.{form}",
        f"sub/d.XML.{form}",
    ]
    for name in written:
        assert (Path("out") / name).read_bytes().startswith(start)
    assert capfd.readouterr().out == ""


def test_one_file_for_one_document(invoices, capfdbinary):
    assert validate("--format", "html", "--output", "report.html", invoices / "a.xml") == 1
    assert Path("report.html").read_bytes().startswith(b"<!doctype html>")
    assert validate("--format", "svrl", invoices / "a.xml") == 1
    assert capfdbinary.readouterr().out.startswith(b"<?xml")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "json", "--output", "in/a.xml", "in/a.xml"),
        ("--format", "svrl", "--output", "link", "in/a.xml"),
        ("--format", "csv", "--output", "in/sub/../b.xml", "in"),
        ("--format", "csv", "--output", "in/new.xml", "in"),
        ("--format", "pdf", "--output", "in", "in"),
        ("--format", "pdf", "--output", "in", "in/a.xml", "in/a.xml.pdf"),
    ],
)
def test_no_report_is_written_over_a_document(invoices, capfd, arguments):
    Path("link").symlink_to(invoices / "a.xml")
    (invoices / "a.xml.pdf").write_text("a document too")
    before = {file: file.read_bytes() for file in invoices.rglob("*") if file.is_file()}
    assert validate(*arguments) == 2
    assert "over a document" in capfd.readouterr().err
    assert {file: file.read_bytes() for file in invoices.rglob("*") if file.is_file()} == before


def test_links_that_lead_nowhere_are_reported_and_stop_nothing(invoices, capfdbinary):
    (invoices / "loop.xml").symlink_to("loop.xml")
    (invoices / "gone.pdf").symlink_to("missing.pdf")
    (invoices / "folder.xml").symlink_to(invoices / "sub")
    os.mkfifo(invoices / "pipe.xml")
    assert validate("--format", "json", invoices) == 2
    reports = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    verdicts = {Path(report["file"]).name: report["verdict"] for report in reports}
    assert verdicts == {
        "a.xml": "undetermined",
        "b.xml": "unreadable",
        "gone.pdf": "unreadable",
        "loop.xml": "unreadable",
        "c.xml": "undetermined",
        "d.XML": "undetermined",
    }


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "name a file"),
        (("--format", "pdf", "in"), "--output DIR"),
        (("--rules", "cen-ubl-0.0.1", "--", "in"), "There is no rule set 'cen-ubl-0.0.1'"),
        (("--rules", "xsd", "no-such-set", "in/a.xml"), "There is no rule set 'no-such-set'"),
        (("--output", "missing/x.json", "--format", "json", "in/a.xml"), "cannot write missing"),
        (("--config", "missing.toml", "in/a.xml"), "missing.toml"),
        (("empty",), "there is no document"),
        (("--format", "html", "--output", "out.txt", "in"), "cannot write out.txt"),
    ],
)
def test_what_cannot_begin_says_why(invoices, capfd, arguments, reason):
    Path("empty").mkdir()
    Path("out.txt").touch()
    assert validate(*arguments) == 2
    printed = capfd.readouterr()
    assert reason in printed.err
    assert printed.err.startswith("gateway: ")
    assert printed.out == ""


@pytest.mark.parametrize(
    "arguments", [("--as-of", "31.12.2026"), ("--jobs", "0"), ("--lang", "it"), ("--format", "x")]
)
def test_wrong_options_are_refused(arguments, capfd):
    with pytest.raises(SystemExit) as ended:
        validate(*arguments, "a.xml")
    assert ended.value.code == 2
    assert arguments[0] in capfd.readouterr().err


def test_rule_sets_and_paths_may_run_together(invoices, capfdbinary):
    arguments = ("--format", "json", "--as-of", "2026-03-01", "--rules", "xsd", "cen-ubl-1.3.16")
    assert validate(*arguments, invoices / "a.xml") == 1
    report = json.loads(capfdbinary.readouterr().out)
    assert report["as_of"] == "2026-03-01"
    rules = [found["ruleset"] for found in report["findings"]]
    assert "cen-ubl-1.3.16" in rules


def gateway(*arguments: str, **options) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", "validate", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_standard_input_and_a_reader_that_leaves(invoices):
    process = gateway("--format", "json", "-", stdin=subprocess.PIPE)
    out, _ = process.communicate(NOTE.format("stdin").encode(), timeout=60)
    assert (process.returncode, json.loads(out)["file"]) == (1, "-")
    many = [str(invoices / "a.xml")] * 20
    process = gateway("--format", "json", "--jobs", "1", *many)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_interrupting_ends_it_and_its_processes(tmp_path):
    os.mkfifo(tmp_path / "endless.xml")
    process = gateway("endless.xml", cwd=tmp_path)
    threads = Path(f"/proc/{process.pid}/task")
    if not (threads / str(process.pid) / "children").exists():
        pytest.skip("this system does not list the children of a process")
    # Both sides of the pipe: opening it returns when the worker has come to read it.
    with open(tmp_path / "endless.xml", "wb"):
        listed = [thread.read_text() for thread in threads.glob("*/children")]
        workers = " ".join(listed).split()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert process.communicate()[1] == b""
    assert workers
    # The watcher that Python starts beside its processes leaves a moment after its parent.
    for _ in range(600):
        if not any(Path(f"/proc/{worker}").exists() for worker in workers):
            break
        time.sleep(0.1)
    else:
        pytest.fail("processes stayed behind")


def test_interrupting_a_batch_leaves_a_summary_of_the_reports_there_are(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02}.xml").write_text(NOTE.format(number))
    os.mkfifo(tmp_path / "endless.xml")
    # The pipe nobody writes to holds the batch up, so that it cannot end before it is interrupted.
    process = gateway(
        "--format", "csv", "--output", "out.csv", "--jobs", "1", "in", "endless.xml", cwd=tmp_path
    )
    table = tmp_path / "out.csv"
    deadline = time.monotonic() + 60
    while not table.exists() or table.read_bytes().count(b"\n") < 20:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=60)[1]
    reports = len(table.read_text().splitlines()) - 1
    assert process.returncode == 130
    assert told.decode().splitlines()[:2] == [
        "Interrupted: the summary counts the documents checked until then.",
        f"Documents checked: {reports}",
    ]
    assert 19 <= reports <= 40


def test_hundreds_of_documents_with_one_summary(tmp_path, capfdbinary):
    shuffled = random.Random(4)
    folder = tmp_path / "many"
    folder.mkdir()
    bad = set(shuffled.sample(range(300), 17))
    for number in range(300):
        text = "broken" if number in bad else NOTE.format(number)
        (folder / f"{number:03}.xml").write_text(text)
    assert main(["validate", "--format", "jsonl", "--jobs", "2", str(folder)]) == 2
    printed = capfdbinary.readouterr()
    reports = [json.loads(line) for line in printed.out.splitlines()]
    assert [Path(report["file"]).stem for report in reports] == [f"{n:03}" for n in range(300)]
    unread = {n for n, report in enumerate(reports) if report["verdict"] == "unreadable"}
    assert unread == bad
    assert "Documents checked: 300\n       283  Undetermined\n" in printed.err.decode()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_how_far_it_is_and_is_left_clean(invoices, monkeypatch, capfd):
    monkeypatch.setattr("gateway.commands.validate._PROGRESS_S", 0)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert validate("--format", "json", invoices) == 2
    shown = terminal.getvalue()
    assert "\r3 checked, 0 valid, " in shown
    last = shown.rindex("/s")
    assert shown[last:].startswith("/s\r\x1b[KDocuments checked: 4\n")
