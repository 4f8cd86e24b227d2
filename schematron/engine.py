"""Runs XSLT rule sets with SaxonC. The only module that knows Saxon.

One processor per process, locked down: no file, no network, no extension functions, no
environment. Saxon holds the interpreter lock for a whole run, so servers call this in worker
processes. A run either yields its complete result or raises EngineFailed; there is no third way.
"""

import contextlib
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Final, TypeAlias

from saxonche import (
    PySaxonApiError,
    PySaxonProcessor,
    PyXdmNode,
    PyXslt30Processor,
    PyXsltExecutable,
)

from schematron.errors import EngineFailed

__all__ = ["ENGINE", "Engine", "Loaded", "shared"]

Loaded: TypeAlias = PyXdmNode
"""A document as Saxon's own tree."""

ENGINE: Final = "saxon"
MAX_EXECUTABLES: Final = 16
_FEATURE: Final = "http://saxon.sf.net/feature/"
_OPTIMISATION: Final = f"{_FEATURE}optimizationLevel"
# Saxon puts the work on a variable off until it is needed, and learns from the documents it has
# seen to do it at once: what stops a run then depends on what came before. Without "v" it never
# puts anything off; "10" is all, as Saxon has it.
_EAGER: Final = "-v"
_LAZY: Final = "10"
_NO_DOCTYPE: Final = (
    f"{_FEATURE}parserFeature?uri=http://apache.org/xml/features/disallow-doctype-decl"
)
_STDERR: Final = 2
_MAX_COMPLAINT: Final = 400


class Engine:
    """A Saxon processor with the rule sets it has compiled, least recently used dropped first."""

    def __init__(self, *, max_executables: int = MAX_EXECUTABLES) -> None:
        self._lock = threading.Lock()
        self._max = max_executables
        self._executables: OrderedDict[Hashable, PyXsltExecutable] = OrderedDict()
        self._processor = PySaxonProcessor(license=False)
        # saxonche before 13.1.1 trusted compromised certificate authorities (CVE-2026-91403);
        # rules need no URI at all, so none is allowed, of whatever scheme.
        self._processor.set_configuration_property(f"{_FEATURE}allowedProtocols", "")
        # That alone is not enough: once rules have called fn:parse-xml, Saxon reuses a parser that
        # reads any file a document type names. No document here has one.
        self._processor.set_configuration_property(_NO_DOCTYPE, "true")
        # Also switches off xsl:result-document, environment and system properties.
        self._processor.set_configuration_property(f"{_FEATURE}allow-external-functions", "off")
        self._compiler: PyXslt30Processor = self._processor.new_xslt30_processor()

    def prepare(self, key: Hashable, stylesheet: Callable[[], bytes]) -> None:
        """Compile a rule set now unless it already is, so that the first document is fast."""
        with self._lock:
            self._executable(key, stylesheet)

    def load(self, document: str) -> Loaded:
        """Parse a document once for several runs; ``document`` is XML without a DOCTYPE.

        Raises EngineFailed.
        """
        with self._lock, _captured_stderr() as complaints:
            try:
                return self._processor.parse_xml(xml_text=document, encoding="utf-8")
            except PySaxonApiError as error:
                raise EngineFailed(_reason(str(error), complaints())) from None

    def run(
        self, key: Hashable, stylesheet: Callable[[], bytes], *, document: str | Loaded
    ) -> bytes:
        """Apply a rule set to a document and return the whole result (SVRL) as UTF-8.

        ``key`` names the compiled rule set in the cache; ``stylesheet`` yields its XSLT when it
        is not there. ``document`` is what ``load`` gave, or its text. Raises EngineFailed when
        the run stops early or yields nothing, whatever Saxon's own opinion of that is.
        """
        node = self.load(document) if isinstance(document, str) else document
        with self._lock:
            executable = self._executable(key, stylesheet)
            try:
                return _transformed(executable, node)
            except EngineFailed:
                # A value that no test needs may have stopped it. Compiled anew for this document
                # alone, the answer is the same whatever was examined before.
                return _transformed(self._compiled(stylesheet(), _LAZY), node)

    def _executable(self, key: Hashable, stylesheet: Callable[[], bytes]) -> PyXsltExecutable:
        known = self._executables.get(key)
        if known is not None:
            self._executables.move_to_end(key)
            return known
        compiled = self._compiled(stylesheet(), _EAGER)
        self._executables[key] = compiled
        while len(self._executables) > self._max:
            self._executables.popitem(last=False)
        return compiled

    def _compiled(self, stylesheet: bytes, optimisation: str) -> PyXsltExecutable:
        text = stylesheet.decode("utf-8-sig")
        self._processor.set_configuration_property(_OPTIMISATION, optimisation)
        with _captured_stderr() as complaints:
            try:
                compiled = self._compiler.compile_stylesheet(stylesheet_text=text, encoding="utf-8")
            except PySaxonApiError as error:
                raise EngineFailed(_reason(str(error), complaints())) from None
        if compiled is None:
            raise EngineFailed("The rules could not be compiled.")
        return compiled


def _transformed(executable: PyXsltExecutable, node: PyXdmNode) -> bytes:
    with _captured_stderr() as complaints:
        try:
            result = executable.transform_to_string(xdm_node=node)
        except PySaxonApiError as error:
            raise EngineFailed(_reason(str(error), complaints())) from None
    if not result:
        raise EngineFailed("The rules ended without a result.")
    return str(result).encode("utf-8")


def _reason(message: str, complaints: str) -> str:
    """Join the exception with the error code that Saxon only prints."""
    code = next((word for word in complaints.split() if _is_error_code(word)), "")
    text = " ".join(message.split())[:_MAX_COMPLAINT]
    return f"{code}: {text}" if code and code not in text else text


def _is_error_code(word: str) -> bool:
    return len(word) == 8 and word[:4].isalpha() and word.isupper() and word[4:].isdigit()


@contextlib.contextmanager
def _captured_stderr() -> Iterator[Callable[[], str]]:
    """Keep what native code prints out of the log: it quotes amounts and names of invoices.

    Yields a function that gives the text printed so far.
    """
    try:
        saved = os.dup(_STDERR)
    except OSError:
        # A process without a standard error has nothing to keep clean.
        yield lambda: ""
        return
    with tempfile.TemporaryFile() as buffer:
        os.dup2(buffer.fileno(), _STDERR)

        def printed() -> str:
            buffer.seek(0)
            return buffer.read().decode("utf-8", "replace")

        try:
            yield printed
        finally:
            os.dup2(saved, _STDERR)
            os.close(saved)


_shared: Engine | None = None
_shared_lock: Final = threading.Lock()


def shared() -> Engine:
    """Give this process's engine, started at first use: SaxonC wants one processor."""
    global _shared  # noqa: PLW0603 - one native processor per process is the point
    with _shared_lock:
        if _shared is None:
            _shared = Engine()
        return _shared
