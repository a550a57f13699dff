"""Many transactions in few requests: what is sent, how many fit, and how each one's end is told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from components.steps import load_script
from remote.errors import MachineError
from remote.hosts import Host
from remote.secret import Secret
from remote.sql import SqlServer, Transaction, Value

LEAF = "-- What's here? Nothing.\nDECLARE @a sysname = ?, @b nvarchar(9) = N'it''s ?', @c int = ? /* ? */;"


class Server:
    """A connection that remembers what it is sent; every transaction ends as ``ends`` says by its number, else well."""

    description = (("transaction_number",), ("error",), ("message",))

    def __init__(
        self, ends: dict[int, tuple[int, str]] | None = None, unreachable: frozenset[int] = frozenset()
    ) -> None:
        self.ends, self.unreachable = ends or {}, unreachable
        self.sent: list[tuple[str, tuple[Value, ...]]] = []

    def apart(self, transactions: Sequence[Transaction]) -> list[MachineError | None]:
        host = Host("SQL2", "sql2.test", "127.0.0.1", "who", Secret(""))
        return SqlServer(host, connect=self.connect).apart(transactions, attempted="mirror")

    def connect(self, _: str) -> Any:
        return self

    def cursor(self) -> Server:
        return self

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, text: str, *values: Value) -> None:
        self.sent.append((text, values))

    def fetchall(self) -> list[tuple[int, int, str]]:
        numbers = {int(one) for one in re.findall(r"SELECT (\d+) AS", self.sent[-1][0])} - self.unreachable
        return [(number, *self.ends.get(number, (0, ""))) for number in sorted(numbers)]

    def nextset(self) -> bool:
        return False


def with_names(statement: str, count: int) -> str:
    """A statement as it is sent."""
    server = Server()
    server.apart([((statement, tuple("x" * count)),)])
    ((_, (sent, *_)),) = server.sent
    return str(sent)


def test_a_statement_takes_its_values_by_name_where_the_driver_would_put_them() -> None:
    assert with_names(LEAF, 2) == LEAF.replace("sysname = ?", "sysname = @value0").replace("int = ?", "int = @value1")
    for path, count in (("sql/create_login.sql", 7), ("sql/set_permission.sql", 6), ("sql/drop_login.sql", 1)):
        text = with_names(load_script(path), count)
        assert "?" not in text
        assert {f"@value{number}" for number in range(count)} <= set(re.findall(r"@value\d+", text))


def test_statements_and_values_are_data_and_each_statement_goes_once() -> None:
    server = Server()
    made = [((load_script("sql/drop_login.sql"), (f"O'Brien {number}",)), (LEAF, ("b", 2))) for number in range(3)]
    assert server.apart(made) == [None, None, None]
    ((text, values),) = server.sent
    assert "O'Brien" not in text
    assert "DROP LOGIN" not in text
    assert text.count("?") == len(values) == 2 + 3 * 3
    assert text.count("BEGIN TRANSACTION") == text.count("COMMIT TRANSACTION;") == text.count("BEGIN CATCH") == 3
    assert "EXEC sp_executesql @script1, N'@value0 nvarchar(max), @value1 bigint', ?, ?" in text


def test_a_hundred_logins_fit_into_one_request_and_thousands_into_few() -> None:
    one = ((load_script("sql/create_login.sql"), tuple("abcdefg")), (load_script("sql/mark_login.sql"), ("a",)))
    for logins, requests in ((100, 1), (200, 1), (201, 2), (1000, 5)):
        server = Server()
        assert len(server.apart([one] * logins)) == logins
        assert len(server.sent) == requests
        assert max(len(values) for _, values in server.sent) < 2100


def test_each_one_ends_for_itself() -> None:
    server = Server({1: (15025, "The server principal 'b' already exists.")}, unreachable=frozenset({2}))
    first, second, third = server.apart([((LEAF, ("a", 1)),)] * 3)
    assert first is None
    assert isinstance(second, MachineError)
    assert (second.number, second.found) == (15025, "The server principal 'b' already exists.")
    assert isinstance(third, MachineError)
    assert "does not say how it ended" in str(third)


def test_a_lock_is_not_waited_for_for_ever() -> None:
    server = Server()
    server.apart([((LEAF, ("a", 1)),)])
    text = server.sent[0][0]
    assert text.index("SET LOCK_TIMEOUT 30000") < text.index("BEGIN TRY")
    assert text.endswith("SET XACT_ABORT OFF; SET LOCK_TIMEOUT -1;")
