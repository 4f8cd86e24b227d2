"""The OpenAPI 3.1 description of the API, made from the routes and their models.

What a route says about itself beyond its fields:

* ``body``, ``answer`` and ``answer_also`` as text may name several media types, separated by
  commas; for ``multipart/form-data`` the part ``file`` is described, and those of ``files``.
* A field of ``query`` whose schema says ``"in": "header"`` (``json_schema_extra``) is a header
  of the request, for example ``Idempotency-Key``.
* ``scope=None`` with 401 among ``statuses`` needs a caller, but no particular scope.

Pages for people are not described. Answers of the operational endpoints outside ``/v1`` have
one shape whatever their status.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway import __version__
from gateway.access.roles import SCOPES
from gateway.core.http import Face, Route
from gateway.web.problem import MEDIA_TYPE, ProblemDocument

__all__ = ["DESCRIPTION", "ROUTES", "Description", "document"]

Json = dict[str, Any]
_Mode = Literal["validation", "serialization"]
_Refs = Mapping[tuple[Any, _Mode], Json]

_REF: Final = "#/components/schemas/{model}"
_PLACEHOLDER: Final = re.compile(r"\{([^{}:]+)(?::(?:[^{}]|\{[^{}]*\})*)?\}")
_NO_FILES: Final[Mapping[str, str]] = MappingProxyType({})
_COMMON: Final[Mapping[int, str]] = {
    401: "No caller: send an API key or sign in",
    403: "The caller may not do that",
}


class Description:
    """The OpenAPI document of one server, made when first asked for: most servers never are."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        self._lock = asyncio.Lock()
        self._text: bytes | None = None

    async def text(self) -> bytes:
        """The document as JSON; half a second's work, done beside the event loop."""
        async with self._lock:
            if self._text is None:
                self._text = await asyncio.to_thread(self._written)
            return self._text

    def _written(self) -> bytes:
        return json.dumps(document(self._routes)).encode()


DESCRIPTION: Final = web.AppKey("openapi_description", Description)


async def show_description(request: web.Request) -> web.Response:
    """This description."""
    return web.Response(
        body=await request.app[DESCRIPTION].text(), content_type="application/json", charset="utf-8"
    )


ROUTES: Final = (
    Route(
        method="GET",
        path="/v1/openapi.json",
        handler=show_description,
        scope=None,
        summary="Describe this API (OpenAPI 3.1)",
        answer="application/json",
    ),
)


def document(routes: Sequence[Route]) -> Json:
    """The OpenAPI document of these routes and of the description itself; stable in its order."""
    described = [one for one in (*routes, *ROUTES) if one.face is not Face.PAGE]
    refs, schemas = _schemas(described)
    names = Counter(_handler_name(route) for route in described)
    paths: dict[str, Json] = {}
    for route in sorted(described, key=lambda one: (one.path, one.method)):
        name = _handler_name(route)
        operation_id = name if names[name] == 1 else _slug(route)
        operations = paths.setdefault(_PLACEHOLDER.sub(r"{\1}", route.path), {})
        operations[route.method.lower()] = _operation(route, operation_id, refs, schemas)
    for query in {route.query for route in described if route.query is not None}:
        # Spread over parameters above.
        schemas.pop(_schema_name(refs, query), None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Peppol Gateway",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Errors are problem documents (RFC 9457) with a stable `code`. "
            "Times are UTC, amounts are decimal strings with a currency. An invoice as JSON is "
            "described by the JSON Schema at `/v1/schemas/invoice.json`. Scopes: "
            + ", ".join(f"`{scope}`" for scope in sorted(SCOPES))
            + ".",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-gateway",
                    "description": "A signed-in browser; unsafe methods need `X-CSRF-Token`.",
                },
            },
        },
    }


def _schemas(routes: Iterable[Route]) -> tuple[_Refs, dict[str, Json]]:
    used: dict[tuple[type[BaseModel], _Mode], None] = {(ProblemDocument, "serialization"): None}
    for route in routes:
        if isinstance(route.body, type):
            used[route.body, "validation"] = None
        if route.query is not None:
            used[route.query, "validation"] = None
        if isinstance(route.answer, type):
            used[route.answer, "serialization"] = None
    refs, whole = models_json_schema(list(used), ref_template=_REF)
    return refs, dict(whole.get("$defs", {}))


def _schema_name(refs: _Refs, model: type[BaseModel]) -> str:
    return str(refs[model, "validation"]["$ref"]).rpartition("/")[2]


def _operation(route: Route, operation_id: str, refs: _Refs, schemas: Mapping[str, Json]) -> Json:
    operation: Json = {
        "operationId": operation_id,
        "summary": route.summary,
        "tags": [_tag(route)],
        "security": _security(route),
    }
    parameters = _parameters(route, refs, schemas)
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": _content(route.body, "validation", refs, files=route.files),
        }
    operation["responses"] = _responses(route, refs)
    return operation


def _parameters(route: Route, refs: _Refs, schemas: Mapping[str, Json]) -> list[Json]:
    found: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACEHOLDER.findall(route.path)
    ]
    if route.query is None:
        return found
    shape = schemas[_schema_name(refs, route.query)]
    for name, described in shape.get("properties", {}).items():
        schema = {key: value for key, value in described.items() if key != "in"}
        found.append(
            {
                "name": name,
                "in": described.get("in", "query"),
                "required": name in shape.get("required", ()),
                "schema": schema,
            }
        )
    return found


def _responses(route: Route, refs: _Refs) -> Json:
    success: Json = {"description": route.summary}
    if route.answer is not None:
        success["content"] = _content(route.answer, "serialization", refs)
    if route.answer_also:
        success.setdefault("content", {}).update(_content(route.answer_also, "serialization", refs))
    responses: Json = {str(route.status): success}
    if not route.path.startswith("/v1/"):
        for status, meaning in sorted(route.statuses.items()):
            responses[str(status)] = {**success, "description": meaning}
        return responses
    told = {MEDIA_TYPE: {"schema": refs[ProblemDocument, "serialization"]}}
    common = _COMMON if route.scope is not None else {}
    for status, meaning in sorted({**common, **route.statuses}.items()):
        if status < 400:
            responses[str(status)] = {**success, "description": meaning}
        else:
            responses[str(status)] = {"description": meaning, "content": told}
    responses["default"] = {"description": "Any other problem", "content": told}
    return responses


def _content(
    shape: type[BaseModel] | str, mode: _Mode, refs: _Refs, *, files: Mapping[str, str] = _NO_FILES
) -> Json:
    if not isinstance(shape, str):
        return {"application/json": {"schema": refs[shape, mode]}}
    media_types = [one.strip() for one in shape.split(",")]
    return {one: _raw(one, files) for one in media_types}


def _raw(media_type: str, files: Mapping[str, str]) -> Json:
    if media_type != "multipart/form-data":
        return {}
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    parts = {"file": file} | {name: {**file, "description": told} for name, told in files.items()}
    return {"schema": {"type": "object", "properties": parts, "required": ["file"]}}


def _security(route: Route) -> list[Json]:
    if route.scope is None and 401 not in route.statuses:
        return []
    scopes = [route.scope] if route.scope else []
    return [{"apiKey": scopes}, {"session": scopes}]


def _tag(route: Route) -> str:
    if route.face is Face.NETWORK:
        return "network"
    first, _, rest = route.path.strip("/").partition("/")
    return rest.partition("/")[0] if first == "v1" else "operation"


def _handler_name(route: Route) -> str:
    return str(getattr(route.handler, "__name__", "")).strip("_") or _slug(route)


def _slug(route: Route) -> str:
    return re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_")
