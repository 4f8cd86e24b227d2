"""The words of the lookup page: every code it may have to say is said in every language."""

import tomllib
from pathlib import Path

import pytest

from gateway.core.errors import ErrorKind
from gateway.network import errors
from gateway.network.lookup_matching import MatchReason
from gateway.network.lookup_pages import _REVOCATION, _revocation_of
from gateway.network.pki import CertificateVerdict, VerdictStatus

LOCALE = Path(errors.__file__).parent / "locale"
CODES = {one.code for one in vars(errors).values() if isinstance(one, ErrorKind)}


@pytest.mark.parametrize("language", ["en", "fr", "nl", "de"])
def test_every_code_has_its_words(language) -> None:
    words = tomllib.loads((LOCALE / f"{language}.toml").read_text("utf-8"))
    lookups = {one for one in CODES if one.startswith("LOOKUP-")}
    assert lookups <= set(words["lookup-fault"])
    for reason in MatchReason:
        assert words["lookup"][f"match_{reason.replace('-', '_')}"]
    for word in (*_REVOCATION.values(), "unchecked"):
        assert words["lookup"][f"revocation_{word}"]


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("good by OCSP of 2026-11-22 10:00Z", "good"),
        ("revoked on 2026-11-01 10:00Z by CRL of 2026-11-22 10:00Z", "revoked"),
        ("no answer (REVOCATION-UNREACHABLE)", "unanswered"),
        ("not checked", "unchecked"),
        ("the certificate names nowhere to ask", "unchecked"),
    ],
)
def test_what_is_said_of_revocation(said, word) -> None:
    verdict = CertificateVerdict(VerdictStatus.OK, "", "", "CN=x", "ab", revocation=said)
    assert _revocation_of(verdict) == word
