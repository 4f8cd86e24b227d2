"""What a page carries of its draft beyond its fields, so that each value stays with its own row.

A page may be older than the draft: rows that others took away or added since shift all places. So
a page is never read against the draft as it is by then, only against what it carries itself.
Enclosed files are named by their hash; their content is looked up. Pure.
"""

from collections.abc import Collection, Mapping
from dataclasses import is_dataclass
from hashlib import sha256
from typing import Any, Final

from gateway.authoring.form import Json, place_of
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST
from ubl.json_text import JsonRefused, parse_json

__all__ = ["restored", "unshown"]

_FILES: Final = "supporting_documents"


def unshown(held: Json, shown: Collection[str]) -> Json:
    """The draft without the values at the paths ``shown``; rows stay where they are."""
    found: Json = _rest(held, "", shown)
    for document in found.get(_FILES, ()):
        attachment = document.get("attachment", {})
        if "encoded" in attachment:
            attachment["encoded"] = _name(attachment["encoded"])
    return found


def _rest(value: Any, path: str, shown: Collection[str]) -> Any:
    if isinstance(value, list):
        return [_rest(row, f"{path}.{place}", shown) for place, row in enumerate(value)]
    if not isinstance(value, dict):
        return "" if path in shown else value
    inner = {
        name: _rest(one, f"{path}.{name}" if path else name, shown) for name, one in value.items()
    }
    return {name: one for name, one in inner.items() if one not in ("", {}, [])}


def restored(carried: Mapping[str, str], saved: Json) -> Json:
    """What pages carried, as ``unshown`` gave it, by the names it is carried under.

    Files come from ``saved``; one that is not there any more is left out, its row stays. Raises
    GatewayError REQUEST-INVALID for what no page of ours carries.
    """
    found: Json = {}
    try:
        for text in carried.values():
            part = parse_json(text.encode())
            _check(part, "")
            found |= part
    except JsonRefused:
        raise _incomplete() from None
    named = [one["attachment"] for one in found.get(_FILES, ()) if "attachment" in one]
    if named:
        contents = [(one.get("attachment") or {}).get("encoded") for one in saved.get(_FILES, ())]
        files = {_name(one): one for one in contents if one}
        for attachment in named:
            content = files.get(attachment.pop("encoded", ""))
            if content is not None:
                attachment["encoded"] = content
    return found


def _check(value: Any, path: str) -> None:
    """Refuse what has not the shape of an invoice, half filled in as it may be."""
    if isinstance(value, dict):
        if path and not is_dataclass(place_of(path).kind):
            raise _incomplete()
        for name, inner in value.items():
            _check_list(inner, f"{path}.{name}" if path else name)
    elif path == "" or is_dataclass(place_of(path).kind) or not isinstance(value, str | bool):
        raise _incomplete()


def _check_list(value: Any, path: str) -> None:
    if place_of(path).repeats is not isinstance(value, list):
        raise _incomplete()
    if not isinstance(value, list):
        _check(value, path)
        return
    for place, row in enumerate(value):
        _check(row, f"{path}.{place}")


def _name(encoded: str) -> str:
    return sha256(encoded.encode()).hexdigest()


def _incomplete() -> GatewayError:
    return GatewayError(
        BAD_REQUEST, "The page is not complete. Open the draft again and repeat the change."
    )
