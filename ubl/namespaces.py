"""Names of UBL 2.1 and CII documents: namespaces, and the short form ``cbc:ID`` used throughout.

Prefixes here are this product's own spelling; documents may use any.
"""

from functools import cache
from typing import Final

__all__ = [
    "CAC",
    "CBC",
    "EXT",
    "QDT",
    "RAM",
    "RSM",
    "UDT",
    "clark",
    "document_namespace",
    "short",
]

CAC: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
EXT: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"
RSM: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
RAM: Final = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
UDT: Final = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
QDT: Final = "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
_BY_PREFIX: Final = {
    **{"cac": CAC, "cbc": CBC, "ext": EXT},
    **{"rsm": RSM, "ram": RAM, "udt": UDT, "qdt": QDT},
}
_PREFIXES: Final = {namespace: prefix for prefix, namespace in _BY_PREFIX.items()}
_DOCUMENT: Final = "urn:oasis:names:specification:ubl:schema:xsd:{}-2"


@cache
def clark(name: str) -> str:
    """Turn ``cbc:ID`` into the expanded name ``{namespace}ID``."""
    prefix, local = name.split(":")
    return f"{{{_BY_PREFIX[prefix]}}}{local}"


def document_namespace(root_name: str) -> str:
    """Return the namespace of a UBL 2 document, for instance of ``Invoice``."""
    return _DOCUMENT.format(root_name)


def short(expanded: str) -> str:
    """Write an expanded name for people and for XPath 3: ``cbc:ID``, ``Q{namespace}name``.

    A name of a document's own namespace (its root) and a name without one stay bare.
    """
    namespace, _, local = expanded.rpartition("}")
    namespace = namespace.removeprefix("{")
    if prefix := _PREFIXES.get(namespace):
        return f"{prefix}:{local}"
    if not namespace or namespace == document_namespace(local):
        return local
    return f"Q{{{namespace}}}{local}"
