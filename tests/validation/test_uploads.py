"""How files come in: in pieces, hashed on the way, bounded before they are all here."""

import hashlib
import io
import json

import pytest
from aiohttp import FormData, web
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.browser import CSRF
from gateway.core import spool
from gateway.core.errors import GatewayError
from gateway.core.spool import LARGE_BYTES, Spool
from gateway.validation import uploads
from gateway.validation.orders import MAX_FILES
from gateway.validation.uploads import read_page_form, read_request
from gateway.web import problem

LIMIT = 2 * LARGE_BYTES
FILE = 'form-data; name="file"; filename="a"'
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.fixture
async def client(aiohttp_client):
    async def tell(request):
        with Spool() as spool:
            try:
                brought = await read_request(request, spool)
            except Exception as error:
                told = problem.understand(error)
                if told is None:
                    raise
                return web.json_response(
                    {"code": told.kind.code, "come": request.content.total_bytes},
                    status=told.kind.status,
                )
            found = []
            for one in reversed(brought.uploads):
                one.file.seek(0)
                found.append([one.name, one.sha256, hashlib.sha256(one.file.read()).hexdigest()])
            return web.json_response({"files": found[::-1], "options": dict(brought.options)})

    app = web.Application(client_max_size=LIMIT)
    app.router.add_post("/", tell)
    return await aiohttp_client(app)


def form(*files: tuple[str, bytes], **options: str) -> FormData:
    made = FormData(default_to_multipart=True)
    for name, content in files:
        made.add_field("file", io.BytesIO(content), filename=name)
    for name, value in options.items():
        made.add_field(name, value)
    return made


async def answer(client, data, **headers):
    async with client.post("/", data=data, headers=headers) as got:
        return got.status, await got.json()


async def test_files_come_whole_and_in_their_order(client):
    contents = [b"", b"a" * 10, bytes(range(256)) * 12_000, b"\r\n--b\r\n", b"z" * 100_000]
    sent = [(f"{number}.xml", content) for number, content in enumerate(contents)]
    status, found = await answer(client, form(*sent, lang="fr"))
    assert (status, found["options"]["lang"]) == (200, "fr")
    digests = [hashlib.sha256(one).hexdigest() for one in contents]
    expected = [[f"{n}.xml", one, one] for n, one in enumerate(digests)]
    assert found["files"] == expected


@pytest.mark.parametrize("size", [10, LARGE_BYTES + 1])
async def test_a_large_file_is_handed_on_as_a_file_and_a_small_one_as_bytes(size):
    async def pieces():
        for start in range(0, size, 1 << 20):
            yield b"x" * min(1 << 20, size - start)

    with Spool() as spool:
        files = uploads._Files(spool)
        await files.add("a", pieces())
        name, content = await uploads.Brought(tuple(files.taken), {}, spool).only()
        assert (name, isinstance(content, bytes)) == ("a", size == 10)
        assert len(content if isinstance(content, bytes) else content.read_bytes()) == size


@pytest.mark.parametrize("data", [b"x" * 300_000, form(("a", b"x" * 300_000))])
async def test_no_room_for_what_comes_is_said_and_leaves_no_file(
    client, full_tmpdir, monkeypatch, data
):
    monkeypatch.setattr(spool, "LARGE_BYTES", 1000)
    with full_tmpdir() as folder:
        status, told = await answer(client, data)
        assert list(folder.iterdir()) == []
    assert (status, told["code"]) == (507, "STORAGE-FULL")


@pytest.mark.parametrize("as_form", [True, False])
async def test_what_is_too_large_is_refused_before_it_has_all_come(client, as_form):
    async def endless():
        if as_form:
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(20 * LIMIT // (1 << 20)):
            yield b"x" * (1 << 20)

    try:
        status, told = await answer(client, endless(), **(FORM if as_form else {}))
    except OSError:
        return  # the server hung up on us while we were writing
    assert (status, told["code"]) == (413, "BODY-TOO-LARGE")
    assert told["come"] < LIMIT + (4 << 20)


async def test_a_large_file_nobody_asked_for_is_bounded_too(client):
    body = b'--b\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\n'
    body += b"x" * (LIMIT + 1)
    status, told = await answer(client, io.BytesIO(body), **FORM)
    assert (status, told["code"]) == (413, "BODY-TOO-LARGE")


async def test_options_have_no_size_of_their_own_and_too_many_files_are_refused(client):
    status, told = await answer(client, form(("a", b"<a/>"), lang="x" * 70_000))
    assert (status, told["code"]) == (413, "BODY-TOO-LARGE")
    many = [(str(number), b"<a/>") for number in range(MAX_FILES + 1)]
    status, told = await answer(client, form(*many))
    assert (status, told["code"]) == (422, "VALIDATION-FILES")
    assert (await answer(client, form(*many[1:])))[0] == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ('form-data; name="file"; filename="a\x00b"', 400),
        (
            'form-data; name="file"; filename="a"\r\nContent-Transfer-Encoding: quoted-printable',
            400,
        ),
        ('form-data; name="file"; filename="a"\r\nContent-Transfer-Encoding: base64', 200),
        ('form-data; name="file"; filename=""', 422),
        ('form-data; name="other"; filename="a"', 422),
    ],
    ids=["nul", "quoted-printable", "base64", "nameless", "another-field"],
)
async def test_parts_are_taken_as_they_are_described(client, head, status):
    body = f"--b\r\nContent-Disposition: {head}\r\n\r\nPGEvPg==\r\n--b--\r\n".encode()
    got, told = await answer(client, body, **FORM)
    assert got == status, told
    if status == 200:
        assert told["files"][0][1] == hashlib.sha256(b"<a/>").hexdigest()


async def test_a_form_that_breaks_off_is_refused(client):
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n<a/>'
    status, told = await answer(client, body, **FORM)
    assert (status, told["code"]) == (400, "REQUEST-INVALID"), json.dumps(told)


@pytest.fixture
async def page(aiohttp_client):
    async def tell(request):
        request[CSRF] = "secret"
        with Spool() as taken:
            try:
                brought = await read_page_form(request, taken)
            except GatewayError as error:
                return web.json_response(
                    {"code": error.code, "spooled": taken.tell()}, status=error.kind.status
                )
            return web.json_response({"files": [one.name for one in brought.uploads]})

    app = web.Application(client_max_size=LIMIT)
    app.router.add_post("/", tell)
    return await aiohttp_client(app)


def secret_and_file(secret, *, name="file", first=True):
    made = FormData(default_to_multipart=True)
    if first:
        made.add_field("csrf", secret)
    made.add_field(name, io.BytesIO(b"x" * LARGE_BYTES), filename="a.xml")
    if not first:
        made.add_field("csrf", secret)
    return made


async def test_a_page_takes_files_behind_the_secret_only(page):
    assert await answer(page, secret_and_file("secret")) == (200, {"files": ["a.xml"]})
    header = {"X-CSRF-Token": "secret"}
    assert await answer(page, secret_and_file("", first=False), **header) == (
        200,
        {"files": ["a.xml"]},
    )
    for data, headers in (
        (secret_and_file("wrong"), {}),
        (secret_and_file("sécret"), {}),
        (secret_and_file("secret", first=False), {}),
        (secret_and_file("secret", first=False, name="other"), {}),
        (secret_and_file("secret"), {"X-CSRF-Token": "wrong"}),
    ):
        assert await answer(page, data, **headers) == (403, {"code": "ACCESS-CSRF", "spooled": 0})


async def test_a_page_without_a_file_brings_none(page):
    empty = FormData({"csrf": "secret"}, default_to_multipart=True)
    empty.add_field("file", b"", filename="")
    assert await answer(page, empty) == (200, {"files": []})
    assert await answer(page, b"csrf=secret", **{"Content-Type": "text/plain"}) == (
        200,
        {"files": []},
    )


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.data())
def test_a_window_reads_as_the_file_it_shows(contents, data):
    with Spool() as spool:
        spool.write(b"".join(contents))
        number = data.draw(st.integers(0, len(contents) - 1))
        start = sum(map(len, contents[:number]))
        window = uploads._Window(spool, start, start + len(contents[number]))
        model = io.BytesIO(contents[number])
        for _ in range(data.draw(st.integers(1, 6))):
            if data.draw(st.booleans()):
                size = data.draw(st.integers(-1, 60))
                assert window.read(size) == model.read(size)
            else:
                place = data.draw(st.integers(0, 60))
                assert window.seek(place) == model.seek(place)
        assert window.tell() == model.tell()
