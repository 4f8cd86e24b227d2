"""From C3 to C4: every channel over real files and servers, every end of a hand-over."""

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncssh
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select, update

from gateway.access.webhook_api import WEBHOOKS
from gateway.core.alarms import open_alarms
from gateway.core.errors import GatewayError
from gateway.core.settings import Stage
from gateway.core.vault import Vault
from gateway.exchange.delivery_keys import HANDOVER_POLICIES, HANDOVERS
from gateway.exchange.delivery_tables import (
    Acknowledgement,
    Channel,
    HandOver,
    HandOverPolicyRow,
    HandOverState,
)
from gateway.exchange.handover_carriers import FolderCarrier, Parcel
from gateway.exchange.handover_policies import HandOverChoice, SftpPlace
from gateway.exchange.handover_sftp import SftpCarrier
from gateway.exchange.handover_states import HANDOVER, HandOverEvent
from gateway.exchange.states import IllegalTransition, NetworkState, advance
from gateway.exchange.tables import Document


def policies_of(house):
    return house.gateway.web[HANDOVER_POLICIES]


def choice(channel, acknowledgement=Acknowledgement.EXPLICIT, **how):
    return HandOverChoice(
        channel=channel,
        acknowledgement=acknowledgement,
        ack_within_s=how.pop("ack_within_s", 3600),
        with_rejected=how.pop("with_rejected", False),
        **how,
    )


async def choose(house, *args, **how):
    return await policies_of(house).save(house.caller, choice(*args, **how))


def with_folder(house, folder):
    policies_of(house).carriers[Channel.FOLDER] = FolderCarrier(folder)


async def row_of(house, document):
    (found,) = await house.rows(HandOver, HandOver.document_id == document.id)
    return found


async def alarms_of(house):
    async with house.gateway.platform.database.read() as session:
        return [one.code for one in await open_alarms(session)]


async def sooner(house):
    """Let the business be looked for now, without letting the waits of anything else pass."""
    return await house.later()


async def test_without_a_choice_the_business_fetches_and_acknowledges(pair):
    _, arrived = await pair.delivered()
    row = await row_of(pair.receiver, arrived)
    assert (row.channel, row.state, row.ack_by) == ("pull", "handed-over", None)
    handovers = pair.receiver.gateway.web[HANDOVERS]
    await handovers.acknowledge(pair.receiver.caller, arrived.id)
    await handovers.acknowledge(pair.receiver.caller, arrived.id)
    row = await row_of(pair.receiver, arrived)
    assert (row.state, row.acknowledged_by) == ("acknowledged", "test")
    assert (await pair.receiver.kinds(arrived.id)).count("handover.acknowledged") == 1


async def test_a_folder_holds_the_document_whole_and_its_metadata(pair, tmp_path):
    with_folder(pair.receiver, tmp_path / "out")
    await choose(pair.receiver, Channel.FOLDER, Acknowledgement.DELIVERY)
    _, arrived = await pair.delivered()
    folder = tmp_path / "out" / "buyer"
    (folder,) = list((tmp_path / "out").iterdir())
    assert sorted(one.name for one in folder.iterdir()) == [
        f"{arrived.id}.json",
        f"{arrived.id}.xml",
    ]
    told = json.loads((folder / f"{arrived.id}.json").read_bytes())
    assert (told["number"], told["file"]) == ("VT-1", f"{arrived.id}.xml")
    content = await pair.receiver.call("GET", f"/v1/documents/{arrived.id}/content")
    assert (folder / told["file"]).read_bytes() == content.body
    row = await row_of(pair.receiver, arrived)
    assert (row.state, row.acknowledged_by, row.attempts) == ("acknowledged", "folder", 1)


@pytest.mark.parametrize("sign", ["ack", "moved"])
async def test_a_business_acknowledges_by_a_file_or_by_taking_it(lite, tmp_path, sign):
    with_folder(lite.receiver, tmp_path / "out")
    await choose(lite.receiver, Channel.FOLDER)
    _, arrived = await lite.delivered()
    (folder,) = list((tmp_path / "out").iterdir())
    assert (await row_of(lite.receiver, arrived)).state == "handed-over"
    await sooner(lite.receiver)
    assert (await row_of(lite.receiver, arrived)).state == "handed-over"
    if sign == "ack":
        (folder / f"{arrived.id}.ack").touch()
    else:
        (folder / f"{arrived.id}.json").rename(tmp_path / "taken.json")
    await sooner(lite.receiver)
    assert (await row_of(lite.receiver, arrived)).state == "acknowledged"


async def test_a_folder_that_is_away_says_nothing_about_what_lay_in_it(lite, tmp_path):
    with_folder(lite.receiver, tmp_path / "out")
    await choose(lite.receiver, Channel.FOLDER)
    _, arrived = await lite.delivered()
    (tmp_path / "out").rename(tmp_path / "unmounted")
    await sooner(lite.receiver)
    assert (await row_of(lite.receiver, arrived)).state == "handed-over"
    (tmp_path / "unmounted").rename(tmp_path / "out")
    await sooner(lite.receiver)
    assert (await row_of(lite.receiver, arrived)).state == "handed-over"


async def test_what_cannot_be_written_waits_fails_alarms_and_is_handed_over_again(pair, tmp_path):
    house = pair.receiver
    (tmp_path / "out").write_text("a file, where the folder should be")
    with_folder(house, tmp_path / "out")
    await choose(house, Channel.FOLDER, Acknowledgement.DELIVERY)
    _, arrived = await pair.delivered()
    row = await row_of(house, arrived)
    assert (row.state, row.error_code, row.attempts) == ("waiting", "HANDOVER-FOLDER", 1)
    await house.age(days=4)
    await house.later()
    row = await row_of(house, arrived)
    assert (row.state, row.error_code) == ("failed", "HANDOVER-FOLDER")
    assert "HANDOVER-FAILED" in await alarms_of(house)
    (tmp_path / "out").unlink()
    await house.gateway.web[HANDOVERS].replay(house.caller, arrived.id)
    await house.work()
    row = await row_of(house, arrived)
    assert (row.state, row.round) == ("acknowledged", 1)
    assert "HANDOVER-FAILED" not in await alarms_of(house)
    kinds = await house.kinds(arrived.id)
    assert [one for one in kinds if one.startswith("handover")] == [
        "handover.failed",
        "handover.replayed",
        "handover.laid-out",
        "handover.acknowledged",
    ]


async def test_a_job_that_was_overtaken_lays_nothing_out_for_the_next_round(pair, tmp_path):
    """Handed over again while the files were being written: only the newer job may say so."""
    house, written = pair.receiver, []

    class Overtaken(FolderCarrier):
        async def put(self, parcel, policy):
            written.append(parcel.name)
            if len(written) == 1:
                handovers = house.gateway.web[HANDOVERS]
                await handovers.replay(house.caller, UUID(parcel.name))
            await super().put(parcel, policy)

    policies_of(house).carriers[Channel.FOLDER] = Overtaken(tmp_path / "handed")
    await choose(house, Channel.FOLDER)
    _, arrived = await pair.delivered()
    await house.later()
    row = await row_of(house, arrived)
    assert written == [str(arrived.id)] * 2
    assert (row.round, row.attempts, row.state) == (1, 1, "handed-over")


async def test_an_acknowledgement_that_never_comes_is_a_failure(lite, tmp_path):
    with_folder(lite.receiver, tmp_path / "out")
    await choose(lite.receiver, Channel.FOLDER)
    _, arrived = await lite.delivered()
    past = datetime.now(UTC) - timedelta(hours=1)
    async with lite.receiver.gateway.platform.database.write() as session:
        await session.exec(update(HandOver).values(ack_by=past))
    await sooner(lite.receiver)
    row = await row_of(lite.receiver, arrived)
    assert (row.state, row.error_code) == ("failed", "HANDOVER-NOT-ACKNOWLEDGED")
    handovers = lite.receiver.gateway.web[HANDOVERS]
    await handovers.acknowledge(lite.receiver.caller, arrived.id)
    assert (await row_of(lite.receiver, arrived)).state == "acknowledged"


async def test_a_webhook_that_nobody_takes_waits_for_an_endpoint(lite):
    await choose(lite.receiver, Channel.WEBHOOK, Acknowledgement.DELIVERY)
    _, arrived = await lite.delivered()
    row = await row_of(lite.receiver, arrived)
    assert (row.state, row.error_code) == ("waiting", "HANDOVER-NO-ENDPOINT")


@pytest.mark.parametrize("wanted", [False, True])
async def test_a_rejected_document_is_handed_over_only_where_the_account_says_so(lite, wanted):
    house = lite.receiver
    await choose(house, Channel.PULL, with_rejected=wanted)
    await lite.delivered()
    before = len(await house.rows(HandOver))
    assert before == 1
    async with house.gateway.platform.database.write() as session:
        document = (await session.exec(select(Document).where(Document.direction == "in"))).first()
        told = document.model_dump(exclude={"id", "fingerprint", "validation_id"})
        rejected = Document(**{**told, "network": NetworkState.REJECTED})
        session.add(rejected)
        await session.flush()
        await house.gateway.web[HANDOVERS].begin(session, rejected, at=datetime.now(UTC))
    assert len(await house.rows(HandOver)) == before + wanted


@pytest.mark.parametrize(
    ("status", "ends"), [(200, ("acknowledged", None)), (410, ("failed", "HANDOVER-WEBHOOK"))]
)
async def test_a_webhook_endpoint_takes_a_document_by_its_answer(lite, status, ends):
    told, house = [], lite.receiver

    async def take(request):
        told.append(await request.json())
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/erp", take)
    async with TestServer(app) as server:
        await house.gateway.web[WEBHOOKS].create(
            house.caller,
            url=str(server.make_url("/erp")),
            event_types=["document.handed-over"],
            description="",
        )
        await choose(house, Channel.WEBHOOK, Acknowledgement.DELIVERY)
        _, arrived = await lite.delivered()
        await house.later()
    row = await row_of(house, arrived)
    assert (row.state, row.error_code) == ends
    (message,) = told
    assert message["data"]["document_id"] == str(arrived.id)
    assert message["data"]["states"]["transport"] == "received"


async def test_an_endpoint_removed_after_it_was_told_refuses_nothing(lite):
    house = lite.receiver

    async def take(_request):
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/erp", take)
    async with TestServer(app) as server:
        hooks = house.gateway.web[WEBHOOKS]
        endpoint, _ = await hooks.create(
            house.caller,
            url=str(server.make_url("/erp")),
            event_types=["document.handed-over"],
            description="",
        )
        await choose(house, Channel.WEBHOOK)
        _, arrived = await lite.delivered()
        await hooks.delete(house.caller, endpoint.id)
        await house.later()
    assert (await row_of(house, arrived)).state == "handed-over"
    await house.gateway.web[HANDOVERS].acknowledge(house.caller, arrived.id)
    assert (await row_of(house, arrived)).state == "acknowledged"


# SFTP -------------------------------------------------------------------------------------------


class Login(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == ("erp", "right horse")


@asynccontextmanager
async def sftp_server(folder, *, clients=None):
    """asyncssh's own server over a folder; yields its port and its public key."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Login,
        server_host_keys=[key],
        authorized_client_keys=clients,
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder)),
    )
    try:
        yield server.get_port(), key.export_public_key().decode()
    finally:
        server.close()
        await server.wait_closed()


def place(port, host_key, *, secret="right horse", with_key=False, directory="inbox"):
    return SftpPlace(
        host="127.0.0.1",
        port=port,
        username="erp",
        directory=directory,
        host_key=host_key,
        with_key=with_key,
        secret=secret,
    )


async def test_sftp_uploads_and_waits_until_the_file_is_taken(pair, tmp_path):
    inbox = tmp_path / "server" / "inbox"
    inbox.mkdir(parents=True)
    house = pair.receiver
    async with sftp_server(tmp_path / "server") as (port, host_key):
        row = await choose(house, Channel.SFTP, sftp=place(port, host_key))
        assert "right horse" not in repr(row)
        _, arrived = await pair.delivered()
        assert sorted(one.name for one in inbox.iterdir()) == [
            f"{arrived.id}.json",
            f"{arrived.id}.xml",
        ]
        assert (await row_of(house, arrived)).state == "handed-over"
        (inbox / f"{arrived.id}.json").unlink()
        await sooner(house)
        assert (await row_of(house, arrived)).state == "acknowledged"


async def test_another_place_says_nothing_about_what_was_laid_out_before(lite, tmp_path):
    """A server that never had the document does not acknowledge it by not having it."""
    house = lite.receiver
    for name in ("inbox", "elsewhere"):
        (tmp_path / "server" / name).mkdir(parents=True)
    async with sftp_server(tmp_path / "server") as (port, host_key):
        await choose(house, Channel.SFTP, sftp=place(port, host_key))
        _, arrived = await lite.delivered()
        elsewhere = place(port, host_key, directory="elsewhere")
        await choose(house, Channel.SFTP, sftp=elsewhere)
        await house.later()
        assert (await row_of(house, arrived)).state == "handed-over"
        (tmp_path / "server" / "elsewhere" / f"{arrived.id}.ack").touch()
        await house.later()
        assert (await row_of(house, arrived)).state == "acknowledged"


async def test_a_change_that_moves_nothing_loses_no_acknowledgement(lite, tmp_path):
    house = lite.receiver
    inbox = tmp_path / "server" / "inbox"
    inbox.mkdir(parents=True)
    async with sftp_server(tmp_path / "server") as (port, host_key):
        await choose(house, Channel.SFTP, sftp=place(port, host_key))
        _, arrived = await lite.delivered()
        await choose(house, Channel.SFTP, sftp=place(port, host_key), ack_within_s=7200)
        (inbox / f"{arrived.id}.json").unlink()
        await house.later()
        assert (await row_of(house, arrived)).state == "acknowledged"


async def test_sftp_with_a_key(lite, tmp_path):
    inbox = tmp_path / "server" / "inbox"
    inbox.mkdir(parents=True)
    own = asyncssh.generate_private_key("ssh-ed25519")
    clients = asyncssh.import_authorized_keys(own.export_public_key().decode())
    async with sftp_server(tmp_path / "server", clients=clients) as (port, host_key):
        secret = own.export_private_key().decode()
        await choose(
            lite.receiver,
            Channel.SFTP,
            Acknowledgement.DELIVERY,
            sftp=place(port, host_key, secret=secret, with_key=True),
        )
        _, arrived = await lite.delivered()
        assert (await row_of(lite.receiver, arrived)).state == "acknowledged"


@pytest.mark.parametrize(
    ("wrong", "says"), [("key", "another key"), ("password", "refused the login")]
)
async def test_sftp_sends_nothing_to_another_server_or_without_login(lite, tmp_path, wrong, says):
    inbox = tmp_path / "server" / "inbox"
    inbox.mkdir(parents=True)
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    async with sftp_server(tmp_path / "server") as (port, host_key):
        where = (
            place(port, other) if wrong == "key" else place(port, host_key, secret="wrong horse")
        )
        await choose(lite.receiver, Channel.SFTP, sftp=where)
        _, arrived = await lite.delivered()
    row = await row_of(lite.receiver, arrived)
    assert (row.state, row.error_code) == ("waiting", "HANDOVER-SFTP")
    assert says in row.error_text
    assert "horse" not in row.error_text
    assert list(inbox.iterdir()) == []


async def test_in_production_no_private_server_is_contacted(tmp_path):
    vault = Vault([bytes(32)])
    carrier = SftpCarrier(Stage.PRODUCTION, vault)
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    policy = HandOverPolicyRow(
        tenant_id=UUID(int=1), sftp_host="127.0.0.1", sftp_port=22, sftp_host_key=key
    )
    policy.sftp_password = vault.seal(b"x", policy.place)
    parcel = Parcel("buyer", "a", (tmp_path / "x").open("wb+"), b"{}")
    with parcel.content, pytest.raises(GatewayError) as refused:
        await carrier.put(parcel, policy)
    assert refused.value.code == "OUTGOING-ADDRESS"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"channel": Channel.FOLDER}, "HANDOVER-POLICY"),
        ({"channel": Channel.PULL, "acknowledgement": Acknowledgement.DELIVERY}, "HANDOVER-POLICY"),
        ({"channel": Channel.WEBHOOK, "ack_within_s": 1}, "HANDOVER-POLICY"),
        ({"channel": Channel.SFTP}, "HANDOVER-POLICY"),
        ({"channel": Channel.SFTP, "sftp": place(22, "")}, "HANDOVER-POLICY"),
        (
            {"channel": Channel.SFTP, "sftp": place(22, "k", directory="../up")},
            "HANDOVER-POLICY",
        ),
        ({"channel": Channel.SFTP, "sftp": place(22, "no key")}, "HANDOVER-SFTP-SETTINGS"),
        ({"channel": Channel.SFTP, "sftp": place(22, "k", secret=None)}, "HANDOVER-POLICY"),
    ],
)
async def test_a_choice_that_cannot_work_is_refused(lite, how, code):
    with pytest.raises(GatewayError) as refused:
        await choose(lite.receiver, **how)
    assert refused.value.code == code


async def test_a_secret_stays_unless_the_server_changes(lite):
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    first = await choose(lite.receiver, Channel.SFTP, sftp=place(22, key))
    kept = await choose(lite.receiver, Channel.SFTP, sftp=place(2022, key, secret=None))
    assert (kept.sftp_port, kept.sftp_password) == (2022, first.sftp_password)
    assert "horse" not in kept.sftp_password
    moved = SftpPlace(
        host="elsewhere.example",
        port=22,
        username="erp",
        directory="",
        host_key=key,
        with_key=False,
        secret=None,
    )
    with pytest.raises(GatewayError, match="new host"):
        await choose(lite.receiver, Channel.SFTP, sftp=moved)


# The table ---------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(HandOverEvent), max_size=12))
def test_from_everywhere_the_business_can_still_have_the_document(events):
    state = HandOverState.WAITING
    for event in events:
        try:
            state = advance(HANDOVER, state, event)
        except IllegalTransition:
            assert (state, event) not in HANDOVER
    if state is not HandOverState.ACKNOWLEDGED:
        assert advance(HANDOVER, state, HandOverEvent.ACKNOWLEDGED) is HandOverState.ACKNOWLEDGED
    assert advance(HANDOVER, state, HandOverEvent.REPLAYED) is HandOverState.WAITING


@pytest.mark.parametrize("account", ["../up", "..", "a/b", ".hidden", ""])
async def test_an_account_s_name_never_leads_out_of_the_folder(tmp_path, account):
    carrier = FolderCarrier(tmp_path / "out")
    with (tmp_path / "x").open("wb+") as content, pytest.raises(GatewayError):
        await carrier.put(Parcel(account, "a", content, b"{}"), HandOverPolicyRow())
    assert not (tmp_path / "out").exists()
