"""The bank's queue and messages as pages."""

import re

import aiohttp
from receivable_house import (
    Money,
    Visit,
    statement,
    unknown_money,
    words,
)

from gateway.receivables.tables import (
    BankMessage,
    BankPayment,
    CustomerAccount,
    EntryRow,
)


async def test_the_queue_says_why_and_takes_a_click(visit: Visit) -> None:
    await visit.house.bank_day()
    await visit.sign_in()
    page = words(await visit.page("/bank"))
    assert "It names invoices, but the amount is another." in page
    assert "of €1,180.50 open" in page
    assert "may have told of this payment before" in page
    payment = (await visit.house.office.rows(BankPayment, BankPayment.minor == 100_000))[0]
    path = f"/bank/payments/{payment.id}"
    assert "is booked" not in await visit.page(f"/bank?done={payment.id}")
    accepted = await visit.send(f"{path}/decision", decision="accept", number="0")
    assert accepted.headers["Location"] == f"/bank?done={payment.id}"
    done = words(await visit.page(f"/bank?done={payment.id}"))
    assert "€1,000.00 from Café du Pont SPRL is booked." in done
    matched = words(await visit.page("/bank?state=matched"))
    assert "Café du Pont SPRL" in matched
    assert "CAFE DU PONT" in matched
    once_more = await visit.send(f"{path}/decision", decision="accept", number="0")
    assert once_more.status == 409
    assert "BANK-DECIDED" in await once_more.text()
    learnt = await visit.house.office.rows_of(CustomerAccount)
    assert [one.iban for one in learnt] == ["BE71096123456769"]
    owner = visit.house.customers["Café du Pont SPRL"]
    assert "BE71 0961 2345 6769" in await visit.page(f"/customers/{owner.id}")


async def test_money_is_allocated_by_hand(visit: Visit) -> None:
    payment = await unknown_money(visit)
    await visit.sign_in()
    path = f"/bank/payments/{payment.id}"
    assert "Search for the invoice number" in words(await visit.page(path))
    found = await visit.page(f"{path}?q=hubert")
    item = next(one for one in visit.house.items.values() if one.open_minor == 7_550)
    assert f'name="amount-{item.id}"' in found
    assert f'name="take-{item.id}"' in found
    nothing = await visit.send(f"{path}/decision", decision="allocate", **{f"amount-{item.id}": ""})
    assert nothing.status == 422
    assert "BANK-NOTHING-CHOSEN" in await nothing.text()
    much = await visit.send(f"{path}/decision", decision="allocate", **{f"amount-{item.id}": "99"})
    assert much.status == 409
    assert "BANK-STALE" in await much.text()
    taken = await visit.send(
        f"{path}/decision",
        decision="allocate",
        **{f"amount-{item.id}": "", f"take-{item.id}": "1"},
    )
    assert taken.status == 303, await taken.text()
    page = words(await visit.page(path))
    assert item.number in page
    assert "kept as credit €24.50" in page
    assert "Allocated by a person." in page
    assert "owner@alpha.example" in page


async def test_money_is_kept_as_credit_or_set_aside(visit: Visit) -> None:
    await visit.sign_in()
    kept = await unknown_money(visit, "33.00")
    customer = visit.house.customers["Librairie Saint-Hubert"]
    path = f"/bank/payments/{kept.id}/decision"
    assert (await visit.send(path, decision="credit", customer=str(customer.id))).status == 303
    assert "Unapplied payment" in await visit.page(f"/customers/{customer.id}")
    aside = await unknown_money(visit, "44.00")
    path = f"/bank/payments/{aside.id}/decision"
    unsaid = await visit.send(path, decision="set-aside", note="")
    assert unsaid.status == 422
    assert "BANK-NOTE-MISSING" in await unsaid.text()
    assert (await visit.send(path, decision="set-aside", note="refund of tax")).status == 303
    assert "refund of tax" in await visit.page(f"/bank/payments/{aside.id}")
    for wrong in ({"decision": "dance"}, {"decision": "credit", "customer": "me"}):
        assert (await visit.send(path, **wrong)).status == 400


async def test_a_bank_message_is_brought_or_refused_in_words(visit: Visit) -> None:
    await visit.sign_in()
    token = re.search(r'name="csrf" value="([^"]+)"', await visit.page("/bank/messages"))
    assert token is not None

    async def bring(content: bytes | None) -> aiohttp.ClientResponse:
        form = aiohttp.FormData({"csrf": token[1]})
        if content is not None:
            form.add_field("file", content, filename="bank.xml", content_type="text/xml")
        return await visit.client.post(
            "/bank/messages",
            data=form,
            headers={"Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
        )

    missing = await bring(None)
    assert missing.status == 422
    assert "Choose a file first" in await missing.text()
    content = statement("S-9", visit.house.today, Money("12.00", "Iemand", "hallo"))
    taken = await bring(content)
    assert taken.status == 303
    page = words(await visit.page(taken.headers["Location"]))
    assert "Taken in: 1 payment." in page
    assert "unallocated 1" in page
    again = await bring(content)
    assert "Nothing was booked twice" in await visit.page(again.headers["Location"])
    refused = await bring(b"<Invoice/>")
    page = await visit.page(refused.headers["Location"])
    assert "BANK-NOT-CAMT" in page
    assert 'role="alert"' in page
    messages = await visit.house.office.rows(BankMessage)
    kept = await visit.client.get(f"/bank/messages/{messages[0].id}/file")
    assert await kept.read() == content
    assert len(await visit.house.office.rows_of(EntryRow)) > 10
