"""Payment-link tokens: what was signed comes back, and nothing else opens anything."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminders.links import TOKEN_LENGTH, LinkClaims, LinkKeys, LinkRefused, open_token, sign_token

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD, NEW = bytes(range(32)), bytes(range(32, 64))
KEYS = LinkKeys(2, {1: OLD, 2: NEW})
CLAIMS = LinkClaims(link_id=b"0123456789abcdef", version=3, expires_at=NOW + timedelta(days=30))
URL_SAFE = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def code_of(token: str, keys: LinkKeys = KEYS, now: datetime = NOW) -> str:
    with pytest.raises(LinkRefused) as refused:
        open_token(token, keys, now=now)
    assert str(refused.value) == refused.value.code, "nothing of the token is repeated"
    return refused.value.code


@given(
    st.binary(min_size=16, max_size=16),
    st.integers(1, 2**32 - 1),
    st.datetimes(datetime(2026, 3, 2), datetime(9999, 12, 31)),  # noqa: DTZ001 -- made aware below
)
def test_what_was_signed_comes_back(link_id: bytes, version: int, expiry: datetime) -> None:
    expires_at = expiry.replace(microsecond=0, tzinfo=UTC)
    claims = LinkClaims(link_id=link_id, version=version, expires_at=expires_at)
    token = sign_token(claims, KEYS)
    assert len(token) == TOKEN_LENGTH
    assert set(token) <= URL_SAFE
    assert open_token(token, KEYS, now=NOW) == claims


def test_the_format_of_a_token_never_changes() -> None:
    raw = base64.urlsafe_b64decode(sign_token(CLAIMS, KEYS))
    assert raw[:3].hex() == "010002"
    assert raw[3:19] == CLAIMS.link_id
    assert raw[19:28].hex() == "00000003" + "0069cbb740"
    # Computed with openssl dgst -sha256 -mac HMAC over the purpose and the bytes above.
    assert raw[28:].hex() == ("e0e972bb97f7155c4653653605733cecb39731777637ee07a62ab5a19a8e1ea4")


def test_a_token_ends_at_its_second() -> None:
    token = sign_token(CLAIMS, KEYS)
    last = CLAIMS.expires_at - timedelta(microseconds=1)
    assert open_token(token, KEYS, now=last) == CLAIMS
    assert code_of(token, now=CLAIMS.expires_at) == "LINK-EXPIRED"


@given(st.integers(0, 479))
def test_no_bit_of_a_token_can_be_changed(bit: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(sign_token(CLAIMS, KEYS)))
    raw[bit // 8] ^= 1 << bit % 8
    assert code_of(base64.urlsafe_b64encode(raw).decode()) == "LINK-FORGED"


@given(st.one_of(st.text(max_size=90), st.text("AZaz09-_=+/é", min_size=80, max_size=80)))
def test_any_text_is_refused_without_an_error_of_another_kind(text: str) -> None:
    assert code_of(text) in ("LINK-MALFORMED", "LINK-FORGED")


def test_a_token_has_one_spelling() -> None:
    token = next(
        signed
        for version in range(1, 99)
        if "-"
        in (
            signed := sign_token(
                LinkClaims(link_id=CLAIMS.link_id, version=version, expires_at=CLAIMS.expires_at),
                KEYS,
            )
        )
    )
    assert code_of(token.replace("-", "+")) == "LINK-MALFORMED"
    assert code_of(token + "\n") == "LINK-MALFORMED"
    assert code_of(token[:-1] + "!") == "LINK-MALFORMED"
    assert code_of(token[:-1] + "=") in ("LINK-MALFORMED", "LINK-FORGED")


def test_keys_rotate() -> None:
    before = sign_token(CLAIMS, LinkKeys(1, {1: OLD}))
    assert open_token(before, KEYS, now=NOW) == CLAIMS
    after = sign_token(CLAIMS, KEYS)
    assert code_of(after, LinkKeys(1, {1: OLD})) == "LINK-FORGED"
    assert code_of(before, LinkKeys(1, {1: NEW})) == "LINK-FORGED"


def test_an_unknown_key_number_is_not_signed_with_zeros() -> None:
    forged = sign_token(CLAIMS, LinkKeys(7, {7: bytes(32)}))
    assert code_of(forged) == "LINK-FORGED"


def test_an_expired_forgery_is_a_forgery() -> None:
    foreign = sign_token(CLAIMS, LinkKeys(2, {2: OLD}))
    assert code_of(foreign, now=CLAIMS.expires_at) == "LINK-FORGED"


def test_keys_do_not_show() -> None:
    assert repr(KEYS) == "LinkKeys(signing=2)"


@pytest.mark.parametrize(
    ("signing", "keys"),
    [(1, {}), (1, {2: OLD}), (1, {1: OLD[:31]}), (-1, {-1: OLD}), (65_536, {65_536: OLD})],
)
def test_keys_that_sign_nothing_safely_are_refused(signing: int, keys: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="LINK-KEYS"):
        LinkKeys(signing, keys)


@pytest.mark.parametrize(
    "claims",
    [
        LinkClaims(link_id=b"short", version=1, expires_at=NOW),
        LinkClaims(link_id=bytes(16), version=0, expires_at=NOW),
        LinkClaims(link_id=bytes(16), version=2**32, expires_at=NOW),
        LinkClaims(link_id=bytes(16), version=1, expires_at=NOW.replace(tzinfo=None)),
        LinkClaims(link_id=bytes(16), version=1, expires_at=datetime(1969, 1, 1, tzinfo=UTC)),
    ],
)
def test_claims_that_do_not_fit_are_refused(claims: LinkClaims) -> None:
    with pytest.raises(ValueError, match=r"link"):
        sign_token(claims, KEYS)
