"""The aged balance, open items and customers as pages, over rows the product itself made."""

import re
from datetime import timedelta
from html import unescape

from receivable_house import (
    Visit,
    words,
)

from gateway.receivables.tables import (
    HoldRow,
)


async def test_the_figure_comes_first_then_its_chart_and_table(visit: Visit) -> None:
    await visit.sign_in()
    page = words(await visit.page("/receivables"))
    figure, chart = page.index("€25,230.75"), page.index("Not due: €880.00")
    table = page.index("Total €1,539.00 €13,786.25")
    assert figure < chart < table
    assert "94 % of what is open" in page
    assert "the oldest by 131 days" in page
    assert "Disputed €3,100.00" in page
    assert "Credits -€50.00" in page


async def test_bars_share_a_scale_and_lie_side_by_side(visit: Visit) -> None:
    await visit.sign_in()
    page = await visit.page("/receivables")
    bars = re.findall(r'<svg class="stack-bar".*?</svg>', page, re.DOTALL)
    assert len(bars) == 8
    for bar in bars:
        at = 0
        for x, width in re.findall(r'x="(\d+)" y="0" width="(\d+)"', bar):
            assert int(x) >= at
            assert int(width) > 0
            at = int(x) + int(width)
        assert at <= 1000
    widths = re.findall(r'<rect class="age-1-30" x="\d+" y="0" width="(\d+)"', page)
    assert max(map(int, widths)) > 900


async def test_the_balance_of_a_past_day_is_another(visit: Visit) -> None:
    await visit.sign_in()
    page = words(await visit.page("/receivables?on=2026-06-10"))
    assert "Hôtel des Ardennes SA" in page
    assert "Vuurtoren" not in page
    assert "Nothing was open" in words(await visit.page("/receivables?on=2019-01-01"))
    for wrong in ("on=yesterday", "on=0001-01-01"):
        await visit.page(f"/receivables?{wrong}", status=422)
    await visit.page("/receivables?sort=colour", status=400)


async def test_the_table_sorts_by_its_heads(visit: Visit) -> None:
    await visit.sign_in()

    async def order(sort: str) -> list[str]:
        page = await visit.page(f"/receivables?sort={sort}")
        return re.findall(r'class="main who"><a[^>]*>([^<]+)', page)

    by_name = await order("customer")
    assert by_name == sorted(by_name, key=str.casefold)
    assert (await order("over-90"))[0] == "Bäckerei Sonnenschein GmbH"
    assert (await order("balance"))[0] == "Vuurtoren Brouwerij NV"


async def test_the_file_says_what_the_page_says_and_runs_nothing(visit: Visit) -> None:
    await visit.house.owing("=SUM(A1:A9)", (12_345, 1))
    await visit.sign_in()
    answer = await visit.client.get("/receivables/aged.csv")
    lines = (await answer.text()).splitlines()
    assert answer.content_type == "text/csv"
    assert "aged-balance-2026-09-14.csv" in answer.headers["Content-Disposition"]
    assert lines[0].startswith("as_of,customer,participant,currency,not-due,1-30,31-60,61-90")
    [pont] = [one for one in lines if "Café du Pont" in one]
    assert "EUR,99.00,420.00,1180.50,0.00,0.00,-50.00,1649.50,0.00,45" in pont
    assert [one for one in lines if ",'=SUM(A1:A9)," in one]


async def test_lists_narrow_by_state_and_text(visit: Visit) -> None:
    await visit.sign_in()
    everything = await visit.page("/receivables/items?state=all")
    assert everything.count("data-row>") == 14
    closed = words(await visit.page("/receivables/items?state=closed"))
    assert "Imprimerie Lambert" in closed
    assert "Vuurtoren" not in closed
    disputed = await visit.page("/receivables/items?state=disputed")
    assert disputed.count("data-row>") == 1
    assert "72 days late" in disputed
    found = await visit.page("/receivables/items?q=leeuw")
    assert found.count("data-row>") == 1
    assert "paused" in found
    assert "Nothing matches" in await visit.page("/receivables/items?q=zzz")
    await visit.page("/receivables/items?state=blue", status=400)
    await visit.page("/receivables/items?before=1", status=400)


async def test_a_long_list_goes_on_where_it_stopped(visit: Visit) -> None:
    await visit.house.owing("Grossist AG", *[(1_000 + one, 5) for one in range(50)])
    await visit.sign_in()
    first = await visit.page("/receivables/items?state=all")
    older = re.search(r'href="([^"]*before=[^"]+)"', first)
    assert older is not None
    rest = await visit.page(unescape(older[1]))
    assert first.count("data-row>") == 50
    assert rest.count("data-row>") == 14


async def test_an_item_shows_its_entries_as_of_any_day(visit: Visit) -> None:
    await visit.sign_in()
    row = next(one for one in visit.house.items.values() if one.original_minor == 96_000)
    now_open = words(await visit.page(f"/items/{row.id}"))
    assert "€560.00" in now_open
    assert "-€400.00" in now_open
    assert "partly paid" in now_open
    before = words(await visit.page(f"/items/{row.id}?on=2026-09-13"))
    assert "€960.00" in before
    assert "-€400.00" not in before
    assert "1 later entry is not shown" in before
    unborn = words(await visit.page(f"/items/{row.id}?on=2026-01-01"))
    assert "did not exist yet" in unborn


async def test_a_form_with_a_nul_character_is_refused_as_the_api_does(visit: Visit) -> None:
    await visit.sign_in()
    path = f"/items/{visit.house.items['late'].id}/dispute"
    answer = await visit.send(path, reason="pri\x00ce")
    assert answer.status == 400
    assert "NUL" in await answer.text()


async def test_a_dispute_is_noted_and_ended(visit: Visit) -> None:
    await visit.sign_in()
    row = visit.house.items["late"]
    path = f"/items/{row.id}"
    empty = await visit.send(f"{path}/dispute", reason=" ")
    assert empty.status == 422
    assert "DISPUTE-REASON" in await empty.text()
    unreadable = await visit.send(f"{path}/dispute", reason="price", amount="1,234")
    assert unreadable.status == 422
    assert "AMOUNT-UNREADABLE" in await unreadable.text()
    noted = await visit.send(f"{path}/dispute", reason="price", amount="1 20,50")
    assert (noted.status, noted.headers["Location"]) == (303, path)
    page = words(await visit.page(path))
    assert "disputed" in page
    assert "€120.50" in page
    assert "End the dispute" in page
    ended = await visit.send(f"{path}/resolve", reason="agreed")
    assert ended.status == 303
    assert "Dispute ended agreed" in words(await visit.page(path))
    again = await visit.send(f"{path}/resolve")
    assert again.status == 409
    assert "DISPUTE-NONE" in await again.text()


async def test_the_pause_says_who_and_why_and_one_button_ends_it(visit: Visit) -> None:
    await visit.sign_in()
    customer = visit.house.customers["Vuurtoren Brouwerij NV"]
    path = f"/customers/{customer.id}"
    assert "Pause reminders" in await visit.page(path)
    yesterday = visit.house.today - timedelta(days=1)
    early = await visit.send(f"{path}/pause", last_day=yesterday.isoformat())
    assert early.status == 422
    assert "HOLD-DAYS" in await early.text()
    last = visit.house.today + timedelta(days=10)
    paused = await visit.send(f"{path}/pause", note="pays <b>Friday</b>", last_day=last.isoformat())
    assert paused.status == 303
    page = await visit.page(path)
    assert "pays &lt;b&gt;Friday" in page
    assert "owner@alpha.example" in page
    assert "Sep 24, 2026" in page
    assert "Resume reminders" in page
    assert f'action="{path}/pause"' not in page
    assert (await visit.send(f"{path}/resume")).status == 303
    page = await visit.page(path)
    assert "Resume reminders" not in page
    assert "Reminders resumed" in page
    holds = await visit.house.office.rows(HoldRow, HoldRow.customer_id == customer.id)
    assert [one.lifted_at is not None for one in holds] == [True]


async def test_contact_is_changed_or_refused_with_the_reason(visit: Visit) -> None:
    await visit.sign_in()
    path = f"/customers/{visit.house.customers['Zonder Adres VOF'].id}"
    assert "Without an e-mail address" in await visit.page(path)
    wrong = await visit.send(f"{path}/contact", email="no address", locale="fr")
    assert wrong.status == 422
    assert "CUSTOMER-EMAIL" in await wrong.text()
    right = await visit.send(f"{path}/contact", email="hallo@zonder.example", locale="nl_NL")
    assert right.status == 303
    page = await visit.page(path)
    assert "hallo@zonder.example" in page
    assert 'value="nl_NL" selected' in page


async def test_what_comes_next_is_said_for_every_item(visit: Visit) -> None:
    await visit.sign_in()
    ask = {name: f"/customers/{one.id}" for name, one in visit.house.customers.items()}
    assert "Reminder" in words(await visit.page(ask["Vuurtoren Brouwerij NV"]))
    assert "payment announced, again on" in words(await visit.page(ask["Librairie Saint-Hubert"]))
    disputed = words(await visit.page(ask["Hôtel des Ardennes SA"]))
    assert disputed.count("disputed") >= 2
