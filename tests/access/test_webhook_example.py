"""The example of docs/api.md takes what we sign and nothing else."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.access.webhook_signing import secret_text, signed_headers

BODY = b'{"type": "webhook.test"}'
SECRET, OTHER = b"x" * 32, b"y" * 32


@pytest.fixture(scope="module")
def genuine() -> Callable[[str, dict[str, str], bytes], bool]:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    return names["genuine"]


def headers(*, secrets: tuple[bytes, ...] = (SECRET,), age: timedelta = timedelta()) -> dict:
    return signed_headers(
        event_id="msg_1", at=datetime.now(UTC) - age, body=BODY, secrets=list(secrets)
    )


def test_what_we_sign_is_taken(genuine):
    assert genuine(secret_text(SECRET), headers(), BODY)
    assert genuine(secret_text(SECRET), headers(secrets=(OTHER, SECRET)), BODY)


def test_anything_else_is_not(genuine):
    assert not genuine(secret_text(OTHER), headers(), BODY)
    assert not genuine(secret_text(SECRET), headers(), BODY + b" ")
    assert not genuine(secret_text(SECRET), headers(age=timedelta(minutes=6)), BODY)
    assert not genuine(secret_text(SECRET), headers() | {"webhook-id": "msg_2"}, BODY)
