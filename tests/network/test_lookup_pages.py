"""The words of the lookup page: every code it may have to say is said in every language."""

import tomllib
from pathlib import Path

import pytest

from gateway.core.errors import ErrorKind
from gateway.network import errors
from gateway.network.lookup_matching import MatchReason
from gateway.network.pki import RevocationFinding

LOCALE = Path(errors.__file__).parent / "locale"
CODES = {one.code for one in vars(errors).values() if isinstance(one, ErrorKind)}


@pytest.mark.parametrize("language", ["en", "fr", "nl", "de"])
def test_every_code_has_its_words(language) -> None:
    words = tomllib.loads((LOCALE / f"{language}.toml").read_text("utf-8"))
    lookups = {one for one in CODES if one.startswith("LOOKUP-")}
    assert lookups <= set(words["lookup-fault"])
    for reason in MatchReason:
        assert words["lookup"][f"match_{reason.replace('-', '_')}"]
    for finding in RevocationFinding:
        assert words["lookup"][f"revocation_{finding}"]
