"""Checking many documents: as many at once as there are processes, answers in input order.

Memory does not grow with the number of documents: a fixed window of them is under way, and of
those that are done only counts are kept. A document whose process dies, hangs or swells gets
the verdict ``engine-error``, and the batch goes on.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Final

from gateway.core.errors import GatewayError
from gateway.core.pool import ComputePool
from gateway.validation.batch_inputs import STDIN, BatchInput
from gateway.validation.batch_worker import (
    BatchOrder,
    Outcome,
    check,
    failed,
    initialise,
    read_stdin,
)
from schematron.finding import Severity, Verdict
from schematron.report.words import label

__all__ = ["Summary", "batch_pool", "check_all"]

_PER_PROCESS: Final = 4
_SENDERS: Final = 10_000
_OTHERS: Final = "…"
_SHOWN: Final = 20
_NOTE: Final = Severity.INFORMATION.value
_FAULTS: Final = frozenset({Verdict.UNREADABLE.value, Verdict.ENGINE_ERROR.value})


def batch_pool(
    *,
    config_dir: str | None,
    store: str | None,
    jobs: int,
    timeout_s: float,
    rss_limit_mb: int,
) -> ComputePool[Outcome]:
    """Make the processes of a batch; they start with the first document."""
    return ComputePool(
        initialise,
        check,
        initial=(config_dir, store),
        workers=jobs,
        timeout_s=timeout_s,
        rss_limit_mb=rss_limit_mb,
        queue_limit=jobs * _PER_PROCESS,
    )


async def check_all(
    inputs: Iterable[BatchInput], order: BatchOrder, *, pool: ComputePool[Outcome], jobs: int
) -> AsyncGenerator[Outcome, None]:
    """Check documents and give the outcomes in the order of the inputs.

    At most four documents per process are under way or wait for one before them. Leaving the
    loop early lets go of the rest.
    """
    under_way: deque[asyncio.Task[Outcome]] = deque()
    try:
        for source in inputs:
            under_way.append(asyncio.create_task(_check(source, order, pool)))
            if len(under_way) >= jobs * _PER_PROCESS:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _check(source: BatchInput, order: BatchOrder, pool: ComputePool[Outcome]) -> Outcome:
    content = await asyncio.to_thread(read_stdin) if source.path == STDIN else None
    try:
        return await pool.run(source, content, order)
    except GatewayError as error:
        return await asyncio.to_thread(failed, source, content, order, code=error.code)


class Summary:
    """What a batch comes to: by verdict, by rule and by sender."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self._documents: Counter[tuple[str, str]] = Counter()
        self._findings: Counter[tuple[str, str]] = Counter()
        self._senders: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Count one document."""
        self.verdicts[outcome.verdict] += 1
        # A note breaks no rule: among those broken most it would only be in the way.
        broken = {key: count for key, count in outcome.fired.items() if key[1] != _NOTE}
        self._documents.update(broken.keys())
        self._findings.update(broken)
        # A batch of countless senders must not fill the memory; those beyond count as one.
        known = outcome.sender in self._senders or len(self._senders) < _SENDERS
        sender = outcome.sender if known else _OTHERS
        self._senders[sender] += 1
        self._refused[sender] += outcome.verdict != Verdict.VALID

    @property
    def exit_code(self) -> int:
        """0 if all are valid, 1 if one is not, 2 if one could not be judged, or there was none."""
        if not self.verdicts or _FAULTS & self.verdicts.keys():
            return 2
        return int(self.verdicts.keys() != {Verdict.VALID.value})

    def lines(self, *, lang: str, whole: bool = True) -> Iterator[str]:
        """Say it in a language, the most frequent first; ``whole`` unless it was interrupted."""
        if not whole:
            yield label("SUMMARY-INTERRUPTED", lang=lang)
        yield label("SUMMARY-DOCUMENTS", lang=lang, count=self.verdicts.total())
        for verdict in Verdict:
            if self.verdicts[verdict.value]:
                word = label(verdict.value.upper(), lang=lang)
                yield f"  {self.verdicts[verdict.value]:>8}  {word}"
        if self._documents:
            yield label("SUMMARY-RULES", lang=lang)
            for (rule, severity), count in self._documents.most_common(_SHOWN):
                weight = label(severity.upper(), lang=lang)
                yield f"  {count:>8} {self._findings[rule, severity]:>8}  {rule} ({weight})"
            yield from _rest(self._documents, lang=lang)
        yield label("SUMMARY-SENDERS", lang=lang)
        for sender, count in self._senders.most_common(_SHOWN):
            name = sender or f"({label('SUMMARY-NOBODY', lang=lang)})"
            yield f"  {count:>8} {self._refused[sender]:>8}  {name}"
        yield from _rest(self._senders, lang=lang)


def _rest(counted: Counter[tuple[str, str]] | Counter[str], *, lang: str) -> Iterator[str]:
    if len(counted) > _SHOWN:
        yield f"  … {label('SUMMARY-REST', lang=lang, count=len(counted) - _SHOWN)}"
