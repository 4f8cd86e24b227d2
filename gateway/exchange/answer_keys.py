"""Where handlers find the services of answers."""

from typing import Final

from aiohttp import web

from gateway.exchange.answer_desk import AnswerDesk
from gateway.exchange.mlr_desk import MlrDesk

__all__ = ["ANSWER_DESK", "MLR_DESK"]

ANSWER_DESK: Final = web.AppKey("answer_desk", AnswerDesk)
MLR_DESK: Final = web.AppKey("mlr_desk", MlrDesk)
