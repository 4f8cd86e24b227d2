"""What a log line holds and what it never holds."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gateway.core.telemetry import configure, drop_sensitive


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    stream = io.StringIO()
    configure(level="INFO", stream=stream)
    yield stream
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


def parsed(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_its_context(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(job_id="7"):
        structlog.get_logger("gateway.core").info("jobs.again", code="SMP-DOWN")
    (line,) = parsed(lines)
    assert line["event"] == "jobs.again"
    assert (line["job_id"], line["code"], line["level"]) == ("7", "SMP-DOWN", "info")
    assert line["logger"] == "gateway.core"
    assert line["timestamp"].endswith("Z")


def test_library_messages_take_the_same_road(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(job_id="7"):
        logging.getLogger("aiohttp.access").warning("slow %s", "client")
    (line,) = parsed(lines)
    assert (line["event"], line["job_id"], line["level"]) == ("slow client", "7", "warning")


def test_the_level_holds_for_both(lines: io.StringIO) -> None:
    structlog.get_logger().debug("quiet")
    logging.getLogger("aiohttp").debug("quiet")
    assert lines.getvalue() == ""


def test_an_exception_is_part_of_its_line(lines: io.StringIO) -> None:
    try:
        raise ZeroDivisionError("why")
    except ZeroDivisionError:
        structlog.get_logger().exception("jobs.handler_raised")
    (line,) = parsed(lines)
    assert "ZeroDivisionError: why" in line["exception"]


def test_payloads_and_secrets_are_dropped() -> None:
    entry = {
        "event": "sent",
        "Password": "p",
        "blob": b"<Invoice/>",
        "rows": [{"iban": "BE71", "row": 7}],
        "message_id": "m",
    }
    assert drop_sensitive(None, "info", entry) == {
        "event": "sent",
        "Password": "[dropped]",
        "blob": "[dropped]",
        "rows": [{"iban": "[dropped]", "row": 7}],
        "message_id": "m",
    }
