"""``gateway statistics``: looking at a month, sending it, following it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.exchange.statistics.checking import check_report
from gateway.exchange.statistics.counting import ReportKind
from gateway.exchange.statistics.period import Period

SETTINGS = """
stage = "test"
[network]
sml = "static"
sml_file = "sml.toml"
{more}
"""


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Settings of a fresh installation; called again with others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gateway.core.telemetry.configure", lambda **_: None)
    (tmp_path / "sml.toml").write_text("[participants]\n")

    def settle(more: str = "") -> None:
        (tmp_path / "gateway.toml").write_text(SETTINGS.format(more=more))

    settle()
    return settle


def statistics(*words: str) -> int:
    return main(["statistics", *words, "--config", "gateway.toml"])


def test_a_month_without_traffic(installation, tmp_path, capsys):
    month = str(Period.of(datetime.now(UTC)))
    assert statistics("preview", month) == 0
    shown = capsys.readouterr().out
    assert f"TSR {month} POP000001: open" in shown
    assert f"EUSR {month} POP000001: open" in shown
    assert "total  incoming 0, outgoing 0" in shown
    assert "valid by our own check" in shown
    assert statistics("preview", month, "--kind", "tsr", "--output", "tsr.xml") == 0
    assert check_report(ReportKind.TSR, (tmp_path / "tsr.xml").read_bytes()) == ()
    capsys.readouterr()

    last = str(Period.of(datetime.now(UTC)).previous)
    assert statistics("send", last, "--kind", "tsr") == 1
    assert "STATISTICS-RECEIVER" in capsys.readouterr().out
    installation('[statistics]\nreceiver = "9925:be0848934496"')
    assert statistics("send", last) == 0
    sent = capsys.readouterr().out.splitlines()
    assert sent == [f"{kind} {last} POP000001: report 1 is on its way" for kind in ("TSR", "EUSR")]
    assert statistics("send", last, "--kind", "tsr") == 1
    assert "STATISTICS-UNDER-WAY" in capsys.readouterr().out
    assert statistics("show", last, "--kind", "eusr") == 0
    assert capsys.readouterr().out.strip().endswith("on-its-way")
    assert statistics("show", month, "--kind", "eusr") == 0
    assert "no report was made" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("preview", "2026-13"), 1, "STATISTICS-PERIOD"),
        (("preview", "2026-10", "--output", "x.xml"), 2, "--kind"),
        (("show", "2026-10", "--seat", "POP999999"), 1, "STATISTICS-SEAT"),
    ],
)
def test_wrong_use_is_explained(installation, capsys, words, code, said):
    assert statistics(*words) == code
    assert said in capsys.readouterr().err
