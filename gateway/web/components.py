"""What templates ask for beyond words: identifiers in short, the icons' shapes. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["ICONS", "grouped_iban", "participant_value", "short_id"]

_GROUP: Final = 4
_SHORT: Final = 8

ICONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alert": "M8 2 15 14H1zM8 6.5v3.5M8 12v.2",
        "arrow": "M2 8h11M9 4l4 4-4 4",
        "back": "M14 8H3M7 4 3 8l4 4",
        "bank": "M1.8 6 8 2.2 14.2 6zM3.2 6v6M6.4 6v6M9.6 6v6M12.8 6v6M1.8 13.8h12.4",
        "bell": "M3.4 11.8c1-1 1.2-2.4 1.2-4.4a3.4 3.4 0 0 1 6.8 0c0 2 .2 3.4 1.2 4.4z"
        "M6.6 14.2h2.8M8 2v1.8",
        "calendar": "M2.2 3.4h11.6v10.4H2.2zM2.2 6.6h11.6M5.2 1.8v3M10.8 1.8v3",
        "chart": "M2 13.8h12M3.6 13.6V9M6.6 13.6V3M9.6 13.6V6.4M12.6 13.6v-3",
        "check": "M3 8.5 6.5 12 13 4.5",
        "clock": "M8 1.8a6.2 6.2 0 1 0 .01 0M8 4.5V8l2.5 1.8",
        "coin": "M8 1.8a6.2 6.2 0 1 0 .01 0M10.3 5.6a3 3 0 1 0 0 4.8M4.6 7.2h3.6M4.6 8.8h3.6",
        "copy": "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
        "cross": "M4 4l8 8M12 4l-8 8",
        "download": "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11",
        "inbox": "M2 9.5 4 3h8l2 6.5v4H2zM2 9.5h3.5l1 2h3l1-2H14",
        "info": "M8 1.8a6.2 6.2 0 1 0 .01 0M8 7.2V11M8 5v.2",
        "key": "M5 7.6a3.1 3.1 0 1 0 .01 0M7.6 8.4 13.5 2.5M11.2 4.8l2 2",
        "mail": "M1.8 3.4h12.4v9.2H1.8zM2 3.8l6 5 6-5",
        "network": "M8 1.8a1.9 1.9 0 1 0 .01 0M3.2 10.4a1.9 1.9 0 1 0 .01 0"
        "M12.8 10.4a1.9 1.9 0 1 0 .01 0M7 5.2l-2.8 5.4M9 5.2l2.8 5.4M5.2 12.4h5.6",
        "outbox": "M14 2 1.8 6.6 7 9zM14 2 9.4 14.2 7 9z",
        "pause": "M5.5 3.5v9M10.5 3.5v9",
        "phone": "M3.4 2.2h2.4l1.2 3-1.6 1.2a7.6 7.6 0 0 0 4.2 4.2l1.2-1.6 3 1.2v2.4"
        "c0 .8-.6 1.2-1.2 1.2A11 11 0 0 1 2.2 3.4c0-.6.4-1.2 1.2-1.2z",
        "play": "M4.5 2.8v10.4L13 8z",
        "print": "M4.5 6V2h7v4M4.5 11H2V6h12v5h-2.5M4.5 9.5h7V14h-7z",
        "question": "M5.6 5.8a2.4 2.4 0 1 1 3.4 2.3c-.8.4-1 .8-1 1.6M8 12v.2",
        "report": "M3 1.8h10v12.4H3zM5.4 5.2h5.2M5.4 8h5.2M5.4 10.8h3",
        "search": "M7 2a5 5 0 1 0 .01 0M10.6 10.6 14 14",
        "settings": "M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M10.5 2.9v3.2M5.5 9.9v3.2",
        "upload": "M8 11V3M4.5 6.5 8 3l3.5 3.5M2.5 13.5h11",
    }
)
"""SVG paths on a 16 by 16 grid, drawn as strokes in the text's colour."""


def participant_value(identifier: str) -> str:
    """The part of a participant identifier that people know: ``0208:0765432146``."""
    return identifier.rpartition("::")[2]


def grouped_iban(account: str) -> str:
    """An account number in groups of four (ISO 13616), anything else as it is."""
    if not account[:2].isalpha() or not account.isalnum():
        return account
    return " ".join(account[start : start + _GROUP] for start in range(0, len(account), _GROUP))


def short_id(identifier: object) -> str:
    """The end of an identifier, where identifiers made in order of time differ."""
    text = str(identifier)
    return text if len(text) <= _SHORT + 2 else f"…{text[-_SHORT:]}"
