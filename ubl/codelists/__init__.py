"""Code lists as dated data: which codes there are, since when, who published them, what they mean.

Values and their reading only; where the files lie is for the caller to know.
"""

from ubl.codelists.lists import (
    Code,
    CodeList,
    CodeLists,
    CodeListUnknown,
    NamedCode,
    Release,
    Standing,
)
from ubl.codelists.published import Publication, PublicationUnreadable, read_publication

__all__ = [
    "Code",
    "CodeList",
    "CodeListUnknown",
    "CodeLists",
    "NamedCode",
    "Publication",
    "PublicationUnreadable",
    "Release",
    "Standing",
    "read_publication",
]
