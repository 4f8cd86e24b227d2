"""Logging: one structured line per event, the same for our own and for libraries' messages.

JSON when nobody watches, readable on a terminal. Log identifiers, codes and counts; never
payloads, keys, passwords or account numbers. A processor drops fields that look like them, as a
net under the rule and not a replacement for it.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

__all__ = ["configure", "drop_sensitive"]

SENSITIVE: Final = frozenset(
    {
        "account",
        "authorization",
        "body",
        "bytes",
        "content",
        "cookie",
        "document",
        "iban",
        "key",
        "passphrase",
        "password",
        "payload",
        "pem",
        "private_key",
        "secret",
        "session",
        "token",
        "xml",
    }
)
_DROPPED: Final = "[dropped]"


def drop_sensitive(
    _logger: object, _method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank fields named like a payload or a secret, and bytes of any name, at any depth."""
    for name, value in entry.items():
        entry[name] = _blanked(name, value)
    return entry


def _blanked(name: str, value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview) or name.lower() in SENSITIVE:
        return _DROPPED
    if isinstance(value, dict):
        return {inner: _blanked(str(inner), below) for inner, below in value.items()}
    if isinstance(value, list | tuple):
        return [_blanked("", below) for below in value]
    return value


def configure(*, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Set logging up for this process; ``stream`` defaults to standard error.

    Context bound with ``structlog.contextvars`` (request, message, job, participant) appears on
    every line, also on those of the standard library's loggers.
    """
    stream = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        drop_sensitive,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(stream),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # At DEBUG this library logs the parameters of every statement, secrets among them.
    logging.getLogger("aiosqlite").setLevel(logging.INFO)
    # It warns of odd time stamps in fonts of other people's PDFs, which nobody can act on.
    logging.getLogger("fontTools").setLevel(logging.ERROR)


def _rendering(stream: TextIO) -> list[structlog.typing.Processor]:
    if stream.isatty():
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [
        structlog.processors.ExceptionRenderer(),
        structlog.processors.JSONRenderer(sort_keys=True, default=str),
    ]
