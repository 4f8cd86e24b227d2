"""What fields of a draft lack or cannot be read for, in the reader's language. Pure."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from ubl.localized import Localized

__all__ = ["problem_text"]


def problem_text(code: str, otherwise: str, *, lang: str) -> str:
    """The sentence of a problem's code; ``otherwise``, which is English, where there is none."""
    return _sentences(Localized(lang).language).get(code, otherwise)


@cache
def _sentences(language: str) -> Mapping[str, str]:
    file = resources.files("gateway.authoring").joinpath("locale", f"{language}.toml")
    found: Mapping[str, str] = tomllib.loads(file.read_text("utf-8"))["problem"]
    return found
