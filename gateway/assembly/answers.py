"""Answers of one process: what follows from arrivals, what is owed and awaited between seats."""

from dataclasses import dataclass

from aiohttp import web

from gateway.assembly.platform import Platform
from gateway.core.clock import now
from gateway.core.jobs.registry import Registry
from gateway.exchange import answer_keys, mls_lateness
from gateway.exchange.answer_desk import AnswerDesk
from gateway.exchange.answer_job import AnswerJob
from gateway.exchange.answer_outcome import ANSWER, Outcomes
from gateway.exchange.archive import Archive
from gateway.exchange.correlation import Correlator
from gateway.exchange.events import DocumentEvents
from gateway.exchange.mlr_desk import MlrDesk
from gateway.exchange.mls_fallback import MlsFallback
from gateway.exchange.ports import Bookkeeper

__all__ = ["Answers", "answers_of", "register_answers", "serve_answers"]


@dataclass(frozen=True, slots=True)
class Answers:
    """What judges and moves answers."""

    outcomes: Outcomes
    correlator: Correlator
    fallback: MlsFallback


def answers_of(platform: Platform, *, books: Bookkeeper, events: DocumentEvents) -> Answers:
    """Build them."""
    outcomes = Outcomes(queue=platform.queue, events=events)
    return Answers(
        outcomes=outcomes,
        correlator=Correlator(books=books, events=events),
        fallback=MlsFallback(outcomes=outcomes),
    )


def serve_answers(
    application: web.Application, platform: Platform, archive: Archive, answers: Answers
) -> None:
    """Give the handlers their services."""
    application[answer_keys.ANSWER_DESK] = AnswerDesk(
        database=platform.database, outcomes=answers.outcomes, now=now
    )
    application[answer_keys.MLR_DESK] = MlrDesk(
        database=platform.database, archive=archive, queue=platform.queue, now=now
    )


def register_answers(
    registry: Registry, platform: Platform, archive: Archive, answers: Answers
) -> None:
    """Say how MLS are written when they are due, and how often lateness is looked for."""
    registry.add(
        ANSWER,
        AnswerJob(
            database=platform.database,
            archive=archive,
            queue=platform.queue,
            outcomes=answers.outcomes,
            now=now,
            faults=platform.faults,
        ),
    )
    registry.add(mls_lateness.WATCH, mls_lateness.MlsLateness(database=platform.database, now=now))
    registry.every(mls_lateness.WATCH, "every 60 seconds")
