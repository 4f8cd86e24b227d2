"""The API description: complete, closed, and the one that is committed."""

import json
import re
from pathlib import Path

from aiohttp import web
from pydantic import BaseModel, Field

from gateway.app import all_routes
from gateway.core.http import Face, Route
from gateway.web.openapi import document

PRODUCT = all_routes()
COMMITTED = Path(__file__).parents[2] / "gateway" / "web" / "openapi.json"


async def handler(_request: web.Request) -> web.Response:
    """Stands for any handler."""
    return web.Response()


async def handler_too(_request: web.Request) -> web.Response:
    """Stands for another one."""
    return web.Response()


class SubmitQuery(BaseModel):
    """A query with a header among its fields."""

    dry_run: bool = False
    key: str | None = Field(
        None, alias="Idempotency-Key", max_length=200, json_schema_extra={"in": "header"}
    )


def everything(found):
    """Every mapping inside a document."""
    if isinstance(found, dict):
        yield found
        for below in found.values():
            yield from everything(below)
    elif isinstance(found, list):
        for below in found:
            yield from everything(below)


def operations(described):
    return [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_but_pages_is_described_once() -> None:
    described = document(PRODUCT)
    api = [one for one in PRODUCT if one.face is not Face.PAGE]
    assert len(operations(described)) == len(api) + 1
    ids = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(set(ids)) == len(ids)
    page = Route("GET", "/page", handler, None, "Page", face=Face.PAGE)
    assert "/page" not in document([page])["paths"]


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    described = document(PRODUCT)
    schemas = described["components"]["schemas"]
    targets = {one["$ref"] for one in everything(described) if "$ref" in one}
    assert targets == {f"#/components/schemas/{name}" for name in schemas}


def test_every_placeholder_is_a_parameter() -> None:
    for path, _, operation in operations(document(PRODUCT)):
        declared = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))
        assert not re.search(r"[:\\]", path)


def test_scopes_and_problems_are_said() -> None:
    described = document(PRODUCT)
    made = described["paths"]["/v1/api-keys"]["post"]
    assert made["security"] == [{"apiKey": ["settings:write"]}, {"session": ["settings:write"]}]
    assert {"201", "401", "403", "422", "default"} <= set(made["responses"])
    problem = made["responses"]["422"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/ProblemDocument"}
    assert described["paths"]["/v1/me"]["get"]["security"] == [{"apiKey": []}, {"session": []}]
    assert described["paths"]["/healthz"]["get"]["security"] == []


def test_a_query_becomes_parameters_and_a_marked_field_a_header() -> None:
    route = Route(
        "POST", "/v1/things/{id:[0-9]{2}}", handler, "documents:send", "Send", query=SubmitQuery,
        body="application/xml, multipart/form-data", answer="application/zip", status=202,
    )  # fmt: skip
    described = document([route])
    operation = described["paths"]["/v1/things/{id}"]["post"]
    where = {(one["name"], one["in"], one["required"]) for one in operation["parameters"]}
    assert where == {
        ("id", "path", True),
        ("dry_run", "query", False),
        ("Idempotency-Key", "header", False),
    }
    assert all("in" not in one["schema"] for one in operation["parameters"])
    content = operation["requestBody"]["content"]
    assert set(content) == {"application/xml", "multipart/form-data"}
    assert content["multipart/form-data"]["schema"]["required"] == ["file"]
    assert operation["responses"]["202"]["content"] == {"application/zip": {}}
    assert "SubmitQuery" not in described["components"]["schemas"]


def test_handlers_of_one_name_get_identifiers_of_their_own() -> None:
    routes = [
        Route("GET", "/v1/a", handler, None, "A"),
        Route("GET", "/v1/b", handler, None, "B"),
        Route("GET", "/v1/c", handler_too, None, "C"),
    ]
    ids = {one["operationId"] for _, _, one in operations(document(routes))}
    assert ids == {"get_v1_a", "get_v1_b", "handler_too", "show_description"}


async def test_the_server_shows_it_to_everybody(site) -> None:
    answer = await site.client.get("/v1/openapi.json")
    assert answer.status == 200
    assert (await answer.json())["openapi"].startswith("3.1")


def test_the_committed_description_is_the_present_one() -> None:
    assert json.loads(COMMITTED.read_text()) == document(all_routes())


def test_files_of_a_form_are_described_beside_the_first() -> None:
    described = document(PRODUCT)["paths"]
    for path in ("/v1/documents", "/v1/conversions"):
        form = described[path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert (list(form["properties"]), form["required"]) == (["file", "pdf"], ["file"])
        assert form["properties"]["pdf"]["description"]
