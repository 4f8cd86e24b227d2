"""The table of ebMS errors and what an error carries."""

import re

import pytest

from gateway.as4.errors import NOT_SERVICED, As4Error, EbmsCode, LocalAs4Error, PeerAs4Error


def test_every_code_is_found_by_its_name_on_the_wire():
    for row in EbmsCode:
        assert re.fullmatch(r"EBMS:\d{4}", row.code)
        assert EbmsCode.of(row.code) is row
        assert row.severity in ("failure", "warning")
    assert len({row.code for row in EbmsCode}) == 20
    assert EbmsCode.of("EBMS:9999") is None


@pytest.mark.parametrize("party", [PeerAs4Error, LocalAs4Error])
def test_an_error_says_what_and_to_whom(party):
    error = party("AS4-X", "It is wrong. Correct it.", ebms=EbmsCode.OTHER, detail=NOT_SERVICED)
    assert isinstance(error, As4Error)
    assert str(error) == "AS4-X: It is wrong. Correct it."
    assert (error.code, error.ebms.code, error.detail) == (
        "AS4-X",
        "EBMS:0004",
        "PEPPOL:NOT_SERVICED",
    )
    assert party("AS4-X", "It is wrong.", ebms=EbmsCode.OTHER).detail is None
