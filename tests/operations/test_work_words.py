"""Every kind of work that can wait in a queue is named in every language of the console."""

import re
from pathlib import Path

import pytest

from gateway.web.i18n import LANGUAGES, Catalogues
from gateway.web.render import PACKAGES

SOURCE = Path(__file__).parents[2] / "gateway"
KIND = re.compile(r"^([A-Z_]+): Final = \"([a-z]+\.[a-z-]+)\"$", re.MULTILINE)
REGISTERED = re.compile(r"registry\.add\(\s*(?:\w+\.)*([A-Z_]+)\b")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_work_has_a_name(language: str) -> None:
    sources = [file.read_text() for file in SOURCE.rglob("*.py")]
    registered = {name for text in sources for name in REGISTERED.findall(text)}
    kinds = {kind for text in sources for name, kind in KIND.findall(text) if name in registered}
    assert len(kinds) > 20
    keys = Catalogues.of(PACKAGES).keys(language)
    assert {f"work.{kind.replace('.', '_')}" for kind in kinds} <= keys
