"""Lists that are shown a page at a time."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.paging import Cut


@given(st.integers(0, 40), st.integers(1, 12))
def test_pages_one_after_the_other_show_every_row_once(count: int, limit: int) -> None:
    rows = list(range(count))
    seen: list[int] = []
    after: int | None = -1
    while after is not None:
        page = Cut.at([row for row in rows if row > after][: limit + 1], limit)
        assert len(page.shown) <= limit
        seen.extend(page.shown)
        after = page.cursor(lambda row: row)
    assert seen == rows


def test_exactly_a_page_of_rows_is_the_last_page() -> None:
    assert Cut.at(["a", "b"], 2) == Cut(["a", "b"], more=False)
    assert Cut.at(["a", "b"], 2).cursor(str.upper) is None


def test_one_row_more_says_where_the_next_page_goes_on() -> None:
    page = Cut.at(["a", "b", "c"], 2)
    assert list(page.shown) == ["a", "b"]
    assert page.cursor(str.upper) == "B"


def test_an_empty_list_is_an_empty_last_page() -> None:
    page = Cut[str].at([], 2)
    assert (list(page.shown), page.cursor(str.upper)) == ([], None)
