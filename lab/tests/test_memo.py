"""What is kept of an answer, and what makes it worked out again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.memo import Memo
from lab.store import Collection, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "state.sqlite")
    yield made
    made.close()


class Sum:
    """Adds the numbers of a collection, read in a way to be tried, and counts how often it does."""

    def __init__(self, numbers: Collection, way: str) -> None:
        self._numbers, self._way, self.times = numbers, way, 0

    def __call__(self) -> int:
        self.times += 1
        match self._way:
            case "items":
                return sum(one["value"] for one in self._numbers.values())
            case "names":
                return sum(self._numbers[name]["value"] for name in self._numbers)
            case "one by one":
                return sum((self._numbers.get(name) or {"value": 0})["value"] for name in "abc")
            case "contains":
                return sum(name in self._numbers for name in "abc")
            case "length":
                return len(self._numbers)
            case "peek":
                return sum((self._numbers.peek(name) or {"value": 0})["value"] for name in "abc")
            case _:
                return sum(one["value"] for _, one in self._numbers.peek_all())


WAYS = ("items", "names", "one by one", "contains", "length", "peek", "peek all")


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_is_kept_until_what_it_read_changes(store: Store, way: str) -> None:
    memo, numbers = Memo(store), Collection(store, "Portal1", "number")
    work = Sum(numbers, way)
    assert (memo.get("sum", work), work.times) == (0, 1), "nothing there is something read, too"
    numbers["a"] = {"value": 1}
    assert (memo.get("sum", work), work.times) == (1, 2)
    Collection(store, "Portal1", "letter")["a"] = {"value": 7}
    Collection(store, "Portal2", "number")["a"] = {"value": 7}
    assert (memo.get("sum", work), work.times) == (1, 2), "other kinds and owners do not matter"
    numbers["b"] = {"value": 1}
    assert (memo.get("sum", work), work.times) == (2, 3)
    del numbers["a"]
    assert (memo.get("sum", work), work.times) == (1, 4)


def test_an_answer_depends_on_what_others_in_it_read(store: Store) -> None:
    memo, numbers = Memo(store), Collection(store, "Portal1", "number")
    numbers["a"] = {"value": 1}
    inner = Sum(numbers, "items")
    assert memo.get("sum", inner) == 1

    def doubled() -> int:
        return 2 * memo.get("sum", inner)  # kept already: nothing is read here

    assert memo.get("double", doubled) == 2
    numbers["a"] = {"value": 5}
    assert memo.get("double", doubled) == 10


def test_a_change_while_an_answer_is_worked_out_is_not_missed(store: Store) -> None:
    memo, numbers = Memo(store), Collection(store, "Portal1", "number")
    numbers["a"] = {"value": 1}

    def slow() -> int:
        read = int(numbers["a"]["value"])
        numbers["a"] = {"value": 2}
        return read

    assert memo.get("slow", slow) == 1
    assert memo.get("slow", lambda: int(numbers["a"]["value"])) == 2


def test_versions_and_errors(store: Store) -> None:
    memo = Memo(store)
    asked: list[int] = []

    def work() -> int:
        asked.append(len(asked))
        if len(asked) == 1:
            raise LookupError
        return len(asked)

    with pytest.raises(LookupError):
        memo.get("key", work, 1)
    assert [memo.get("key", work, version) for version in (1, 1, 2, 2)] == [2, 2, 3, 3]
