"""Every alarm that the product can raise is worded in every language of the console."""

import re
from pathlib import Path

import pytest

from gateway.web.i18n import LANGUAGES, Catalogues
from gateway.web.render import PACKAGES

SOURCE = Path(__file__).parents[2] / "gateway"
KIND = re.compile(r"AlarmKind\(\s*(?:code=)?\"([A-Z-]+)\"")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_alarm_has_a_title_and_advice(language: str) -> None:
    codes = {code for file in SOURCE.rglob("*.py") for code in KIND.findall(file.read_text())}
    assert len(codes) > 10
    keys = Catalogues.of(PACKAGES).keys(language)
    wanted = {f"alarm.{code}.{part}" for code in codes for part in ("title", "advice")}
    assert wanted <= keys
