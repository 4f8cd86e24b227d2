"""Reading the files in which others publish codes: the code database of Factur-X, lists in TOML.

The code database is the one its Schematron looks codes up in. It carries the version and the
days of its release in its first comment, and numbers its lists; numbers may move with a release,
so a reader says which codes its list must have.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from ubl.codelists.lists import Release
from ubl.safexml import XmlRefused, parse

__all__ = ["Publication", "PublicationUnreadable", "read_publication"]

_RELEASE = re.compile(
    rb"Version:\s*(?P<version>[0-9][0-9A-Za-z.]*)\s+"
    rb"Release date:\s*(?P<published>[0-9-]{10})\s+"
    rb"Effective date:\s*(?P<effective>[0-9-]{10})"
)
_HEAD: Final = 2000


class PublicationUnreadable(ValueError):
    """A file of codes is not as its publisher used to write it.

    ``code`` is stable: CODE-LIST-SOURCE. The message says what to do.
    """

    code = "CODE-LIST-SOURCE"


@dataclass(frozen=True, slots=True)
class Publication:
    """A file of codes: its release, and its lists by number; a file of one list has number ""."""

    release: Release
    lists: Mapping[str, tuple[str, ...]]

    def codes(self, number: str, must_have: Collection[str]) -> tuple[str, ...]:
        """Return the codes of one list, in the publisher's order.

        Raises PublicationUnreadable where the list is not there or lacks what it must have.
        """
        codes = self.lists.get(number, ())
        missing = sorted(set(must_have) - set(codes))
        if missing:
            raise PublicationUnreadable(
                f"list '{number}' of {self.release.title} lacks {', '.join(missing)}: it is not "
                "the list it was. Look up its number in the new release and set it in "
                "codelists.toml."
            )
        return codes


def read_publication(content: bytes, *, title: str, rules: str) -> Publication:
    """Read a code database (XML) or a single list (TOML). Raises PublicationUnreadable."""
    if content.lstrip().startswith(b"<"):
        return _database(content, title=title, rules=rules)
    try:
        table = tomllib.loads(content.decode())
        listed, version, valid_from = table["codes"], str(table["version"]), table["valid_from"]
    except (ValueError, KeyError, TypeError) as error:
        raise PublicationUnreadable(f"{title} cannot be read: {error}") from None
    if not isinstance(valid_from, date) or isinstance(valid_from, datetime):
        raise PublicationUnreadable(f"{title} cannot be read: valid_from is no day")
    if not isinstance(listed, list) or not all(isinstance(code, str) for code in listed):
        raise PublicationUnreadable(f"{title} cannot be read: codes is no list of texts")
    release = Release(
        title=title, version=version, published=None, valid_from=valid_from, rules=rules
    )
    return Publication(release, {"": tuple(listed)})


def _database(content: bytes, *, title: str, rules: str) -> Publication:
    said = _RELEASE.search(content[:_HEAD])
    if said is None:
        raise PublicationUnreadable(
            f"{title} does not say which release it is. Install the version of its package that "
            "requirements.lock names."
        )
    try:
        root = parse(content)
        published, effective = (
            date.fromisoformat(said[name].decode()) for name in ("published", "effective")
        )
    except (XmlRefused, ValueError) as error:
        raise PublicationUnreadable(f"{title} cannot be read: {error}") from None
    release = Release(
        title=title,
        version=said["version"].decode(),
        published=published,
        valid_from=effective,
        rules=rules,
    )
    lists = {
        one.get("id", ""): tuple(code.get("value", "") for code in one.iterchildren("enumeration"))
        for one in root.iterchildren("cl")
    }
    return Publication(release, lists)
