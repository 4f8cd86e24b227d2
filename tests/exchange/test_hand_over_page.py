"""The form of hand-over: what was typed survives a refusal, secrets do not."""

import html
import re

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
TYPED = {
    "channel": "sftp", "acknowledgement": "delivery", "ack_hours": "12", "with_rejected": "on",
    "host": "sftp.erp.example", "port": "2222", "username": "meunerie", "directory": "../in",
    "host_key": "ssh-ed25519 AAAA", "login": "key", "secret": "never to be shown",
}  # fmt: skip


async def test_a_refused_form_keeps_what_was_typed_but_no_secret(pair) -> None:
    house = pair.sender
    cookies = await house.sign_in()
    place = f"{house.url}/settings/hand-over"
    page = await house.session.get(place, cookies=cookies)
    token = re.search(r'name="csrf" value="([^"]+)"', await page.text())
    assert token is not None
    answer = await house.session.post(
        place, data={"csrf": token[1], **TYPED}, cookies=cookies, headers=SAME_SITE
    )
    text = html.unescape(await answer.text())
    assert answer.status == 422
    for value in ("sftp.erp.example", "2222", "meunerie", "../in", "12"):
        assert f'value="{value}"' in text
    for chosen in ("sftp", "delivery", "key"):
        assert re.search(rf'value="{chosen}" checked', text), chosen
    assert "ssh-ed25519 AAAA</textarea>" in text
    assert re.search(r'name="with_rejected" checked', text)
    assert TYPED["secret"] not in text
