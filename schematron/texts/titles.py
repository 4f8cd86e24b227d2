"""Titles of documents, rule sets and schemas in the reader's language.

Reports and manifests carry titles in English, which is what programs see. ``titles.toml`` beside
this module says what people read instead. Names that are the same everywhere, and the titles an
operator gave to rule sets of its own, are not in it and stay as they are.
"""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

__all__ = ["title_in"]


def title_in(title: str, /, *, lang: str) -> str:
    """Give a title in a language; a version behind the title (``… for UBL 1.3.16``) is kept."""
    known = _table()
    if title in known:
        return known[title].get(lang, title)
    name, space, behind = title.rpartition(" ")
    return known[name].get(lang, name) + space + behind if name in known else title


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[str, str]]:
    """Read the translations by English title, then by language."""
    text = resources.files(__package__).joinpath("titles.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
