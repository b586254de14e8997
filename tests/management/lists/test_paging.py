"""Pages of a list; what RabbitMQ 3.10 refuses, in its words."""

from typing import Any

import pytest

from amqpbroker.management.errors import ApiError
from amqpbroker.management.lists.paging import Page, read_page

ITEMS = ["tasks", "Tasks.dead", "orders", "mails"]


def refused(query: dict[str, str]) -> tuple[int, str, Any]:
    with pytest.raises(ApiError) as error:
        read_page(query)
    return error.value.status, error.value.error, error.value.reason


def test_without_a_page_there_is_the_whole_list() -> None:
    assert read_page({"page_size": "1", "pagination": "true", "name": "x"}) is None


def test_a_page_has_a_hundred_items_unless_said_otherwise() -> None:
    assert read_page({"page": "1"}) == Page(1, 100)
    assert read_page({"page": "2", "page_size": "500", "name": "a", "use_regex": "true"}) == Page(2, 500, "a", True)


@pytest.mark.parametrize("page", ["a", "", "1.5", "1_0", "٣"])
def test_what_is_no_number_is_refused(page: str) -> None:
    assert refused({"page": page}) == (400, "bad_request", "Pagination parameters are invalid")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"page": "0"}, "page number 0, page size undefined"),
        ({"page": "-1"}, "page number -1, page size undefined"),
        ({"page": "1", "page_size": "501"}, "page number 1, page size 501"),
        ({"page": "1", "page_size": "0"}, "page number 1, page size 0"),
    ],
)
def test_numbers_that_cannot_be_are_refused(query: dict[str, str], told: str) -> None:
    expected = f"Invalid pagination parameters: {told}"
    assert refused(query) == (400, "invalid_pagination_parameters", expected)


async def test_a_page_is_told_with_its_place() -> None:
    items, told = await Page(2, 3).of(ITEMS, str)
    assert items == ["mails"]
    assert told == {
        "filtered_count": 4,
        "item_count": 1,
        "page": 2,
        "page_count": 2,
        "page_size": 3,
        "total_count": 4,
    }


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (Page(1, 100, "TASK"), ["tasks", "Tasks.dead"]),
        (Page(1, 100, "k."), []),
        (Page(1, 100, "^t.*D$", True), ["Tasks.dead"]),
        (Page(1, 100, "[[:alpha:]]+ls", True), ["mails"]),
    ],
)
async def test_names_are_looked_through(page: Page, found: list[str]) -> None:
    assert (await page.of(ITEMS, str))[0] == found


async def test_nothing_found_is_an_empty_first_page() -> None:
    items, told = await Page(1, 100, "nothing").of(ITEMS, str)
    assert (items, told["filtered_count"], told["page_count"], told["total_count"]) == ([], 0, 0, 4)


async def test_the_page_after_a_full_one_is_empty_and_the_next_is_refused() -> None:
    assert (await Page(2, 4).of(ITEMS, str))[0] == []
    with pytest.raises(ApiError) as error:
        await Page(3, 4).of(ITEMS, str)
    assert error.value.error == "page_out_of_range"
    assert error.value.reason == "Page out of range, page: 3 page size: 4, len: 4"


@pytest.mark.parametrize("pattern", ["(", "x" * 1_001])
async def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(ApiError) as error:
        await Page(1, 100, pattern, True).of(ITEMS, str)
    assert error.value.status == 400


async def test_a_pattern_that_never_ends_is_given_up() -> None:
    with pytest.raises(ApiError) as error:
        await Page(1, 100, "(a|aa)+$", True).of(["a" * 200 + "!"], str)
    assert error.value.reason == "the pattern takes too long to be looked for"
