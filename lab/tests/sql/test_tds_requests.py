"""Responses token by token: what no ODBC client shows."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.powershell.api import NotModelledError
from lab.sql.api import Column, Done, Event, Message, Parameter, ResultSet, SqlError
from lab.sql.tds import login7, packets, prelogin, rpc, tokens, transactions
from lab.sql.tds.connection import Connection
from lab.sql.tds.cursor import Cursor
from lab.sql.tds.decode import parameter
from lab.sql.tds.encode import encoder
from lab.sql.tds.packets import ProtocolError
from lab.sql.tds.reply import Reply, Shared
from lab.sql.tds.requests import Requests
from lab.sql.tds.types import parse
from lab.testing.tds import FakeInstance, FakeSession
from lab.world import Machine, World

HEADERS = struct.pack("<I", 4)
SECOND_DAY = datetime(1900, 1, 2)  # noqa: DTZ001 - the types have no zone


class Wire:
    """Requests without a network: tokens of the response as (name, fields)."""

    def __init__(self, world: World, machine: Machine) -> None:
        self.session = FakeSession(FakeInstance(), "sa", "master")
        self.shared = Shared()
        self.requests = Requests(world, machine, self.session)
        self.early: list[bytes] = []

    def run(self, kind: int, data: bytes, *, reset: bool = False) -> list[tuple[str, Any]]:
        reply = Reply(self.session, self.shared, "SQL1", self.early.append, limit=4096)
        rest = self.requests.run(packets.Message(kind, HEADERS + data, reset), reply)
        return list(read(b"".join(self.early) + rest))

    def answer(self, *events: Event, outputs: dict[str, Any] | None = None) -> None:
        def handler(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
            yield from events
            session.outputs = outputs or {}

        self.session.instance.handler = handler


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    world = World(tmp_path, {}, 0)
    machine = Machine(world, "SQL1", "test", "TEST", "127.42.5.9", "127.42.5.9", ("sql",))
    world.add(machine)
    return Wire(world, machine)


def read(data: bytes) -> Iterator[tuple[str, Any]]:
    """The tokens of a response; result sets of one int column only."""
    cursor = Cursor(data)
    while cursor.left:
        token = cursor.byte()
        if token in {0xFD, 0xFE, 0xFF}:
            name = {0xFD: "done", 0xFE: "done-procedure", 0xFF: "done-in-procedure"}[token]
            yield name, struct.unpack("<HHQ", cursor.take(12))
        elif token in {0xAA, 0xAB, 0xE3}:
            body = cursor.take(cursor.ushort())
            found: Any = body[0] if token == 0xE3 else struct.unpack_from("<i", body)[0]
            yield {0xAA: "error", 0xAB: "info", 0xE3: "change"}[token], found
        elif token == 0x79:
            yield "status", cursor.unpack("i")
        elif token == 0xAC:
            ordinal, name = cursor.ushort(), cursor.short_text()
            cursor.take(7)
            yield "value", (ordinal, name, parameter(cursor)[1])
        elif token == 0x81:
            assert cursor.ushort() == 1
            cursor.take(6)
            assert cursor.take(2) == b"\x26\x04"
            yield "columns", cursor.short_text()
        elif token == 0xD1:
            yield "row", int.from_bytes(cursor.take(cursor.byte()), "little")
        else:
            raise AssertionError(f"token 0x{token:02x}")


def call(name: str | int, *arguments: tuple[str, int, str, Any]) -> bytes:
    """One procedure call; arguments are (name, flags, type, value)."""
    head = struct.pack("<HH", 0xFFFF, name) if isinstance(name, int) else struct.pack("<H", len(name)) + u(name)
    data = head + b"\0\0"
    for label, flags, kind, value in arguments:
        info, encode = encoder(parse(kind))
        data += tokens.short_text(label) + bytes([flags]) + info + encode(value)
    return data


def u(text: str) -> bytes:
    return text.encode("utf-16-le")


def test_every_done_but_the_last_announces_more(wire: Wire) -> None:
    wire.answer(Done(None), Done(3), ResultSet((Column("n", "int"),), [(7,)]), Done(1))
    assert wire.run(packets.BATCH, u("batch")) == [
        ("done", (tokens.MORE, 0, 0)),
        ("done", (tokens.MORE | tokens.COUNTED, 0, 3)),
        ("columns", "n"),
        ("row", 7),
        ("done", (tokens.COUNTED, tokens.SELECT, 1)),
    ]


def test_a_batch_without_any_event_is_done(wire: Wire) -> None:
    wire.answer()
    assert wire.run(packets.BATCH, u("DECLARE @x int")) == [("done", (0, 0, 0))]


def test_errors_end_their_statement(wire: Wire) -> None:
    wire.answer(SqlError(1, "a"), SqlError(2, "b"), ResultSet((Column("n", "int"),)), Done(0), SqlError(3, "c"))
    assert wire.run(packets.BATCH, u("batch")) == [
        ("error", 1),
        ("error", 2),
        ("done", (tokens.MORE | tokens.FAILED, 0, 0)),
        ("columns", "n"),
        ("done", (tokens.MORE | tokens.COUNTED, tokens.SELECT, 0)),
        ("error", 3),
        ("done", (tokens.FAILED, 0, 0)),
    ]


def test_messages_leave_before_the_end(wire: Wire) -> None:
    wire.answer(Message(3211, "10 percent processed."), Done(None))
    assert wire.run(packets.BATCH, u("BACKUP")) == [("info", 3211), ("done", (0, 0, 0))]
    assert list(read(wire.early[0])) == [("info", 3211)]


def test_errors_below_severity_eleven_are_messages(wire: Wire) -> None:
    wire.answer(SqlError(50000, "note", level=10), Done(None))
    assert wire.run(packets.BATCH, u("RAISERROR")) == [("info", 50000), ("done", (0, 0, 0))]


def test_output_parameters_come_back_by_their_place(wire: Wire) -> None:
    wire.answer(Done(1), outputs={"@B": 42})
    statement = (("", 0, "nvarchar(max)", "SET @b = @a"), ("", 0, "nvarchar(max)", "@a int, @b int OUTPUT"))
    found = wire.run(packets.RPC, call("sp_executesql", *statement, ("@a", 0, "int", 1), ("@b", 1, "int", None)))
    assert found == [
        ("done-in-procedure", (tokens.MORE | tokens.COUNTED, 0, 1)),
        ("status", 0),
        ("value", (3, "@b", 42)),
        ("done-procedure", (0, 0xE0, 0)),
    ]
    assert wire.session.seen[0][1][1] == Parameter("@b", "int", None, output=True)


def test_a_failed_procedure_returns_its_error_and_no_values(wire: Wire) -> None:
    wire.answer(SqlError(15025, "exists"))
    found = wire.run(packets.RPC, call(10, ("", 0, "nvarchar(max)", "CREATE LOGIN x")))
    assert found == [
        ("error", 15025),
        ("done-in-procedure", (tokens.MORE | tokens.FAILED, 0, 0)),
        ("status", 15025),
        ("done-procedure", (tokens.FAILED, 0xE0, 0)),
    ]


def test_prepare_execute_unprepare(wire: Wire) -> None:
    wire.session.instance.described = (Column("n", "int"),)
    prepared = wire.run(
        packets.RPC,
        call(
            11,
            ("", 1, "int", None),
            ("", 0, "nvarchar(max)", "@P1 int"),
            ("", 0, "nvarchar(max)", "SELECT @P1"),
            ("", 0, "int", 1),
        ),
    )
    assert ("columns", "n") in prepared
    handle = dict(prepared)["value"][2]
    wire.run(packets.RPC, call(12, ("", 0, "int", handle), ("", 0, "int", 5)))
    assert wire.session.seen[-1] == ("SELECT @P1", (Parameter("@P1", "int", 5),))
    assert not [name for name, _ in wire.run(packets.RPC, call(15, ("", 0, "int", handle))) if name == "error"]
    for number in (12, 15):
        assert ("error", 8179) in wire.run(packets.RPC, call(number, ("", 0, "int", handle)))


def test_a_prepared_call_of_a_procedure(wire: Wire) -> None:
    wire.answer(Done(None))
    found = wire.run(
        packets.RPC, call(14, ("", 1, "int", None), ("", 0, "nvarchar(4000)", "dbo.one"), ("", 0, "int", 1))
    )
    handle = dict(found)["value"][2]
    wire.run(packets.RPC, call(12, ("", 0, "int", handle), ("", 0, "int", 2)))
    assert [(text, values[1].value) for text, values in wire.session.seen] == [
        ("EXECUTE @RETURN_STATUS = dbo.one @VALUE_0", 1),
        ("EXECUTE @RETURN_STATUS = dbo.one @VALUE_0", 2),
    ]


def test_any_procedure_by_name_with_status_and_output(wire: Wire) -> None:
    wire.answer(outputs={"@RETURN_STATUS": 3, "@VALUE_1": "out"})
    found = wire.run(packets.RPC, call("xp_test", ("@a", 0, "int", 1), ("@b", 1, "nvarchar(10)", None)))
    assert found == [("status", 3), ("value", (1, "@b", "out")), ("done-procedure", (0, 0xE0, 0))]
    assert wire.session.seen[0][0] == "EXECUTE @RETURN_STATUS = xp_test @a = @VALUE_0, @b = @VALUE_1 OUTPUT"


@pytest.mark.parametrize("name", ["x; DROP TABLE y", "a b", "[x]]", ""])
def test_a_name_that_is_none_never_reaches_the_engine(wire: Wire, name: str) -> None:
    assert ("error", 2812) in wire.run(packets.RPC, call(name))
    assert not wire.session.seen


def test_server_cursors_are_outside_the_lab(wire: Wire) -> None:
    assert ("error", 59999) in wire.run(packets.RPC, call(2, ("", 1, "int", None)))


def test_a_mistake_of_the_lab_while_describing_is_told(wire: Wire) -> None:
    def describe(text: str, parameters: tuple[Parameter, ...] = ()) -> None:
        raise RuntimeError("a mistake")

    wire.session.describe = describe  # type: ignore[method-assign]
    arguments = (("", 1, "int", None), ("", 0, "nvarchar(max)", ""), ("", 0, "nvarchar(max)", "x"))
    assert ("error", 59998) in wire.run(packets.RPC, call(11, *arguments))


def test_several_calls_in_one_message(wire: Wire) -> None:
    wire.answer(Done(None))
    one = call(10, ("", 0, "nvarchar(max)", "x"))
    found = wire.run(packets.RPC, one + b"\x80" + one)
    assert [fields[0] for name, fields in found if name == "done-procedure"] == [tokens.MORE, 0]


def test_a_reset_comes_before_the_request(wire: Wire) -> None:
    wire.session.trancount = 1
    wire.shared.descriptor = 5
    wire.run(packets.RPC, call(13, ("", 1, "int", None), ("", 0, "nvarchar(max)", ""), ("", 0, "nvarchar(max)", "x")))
    wire.early.clear()
    found = wire.run(packets.BATCH, u("y"), reset=True)
    assert found[0] == ("change", tokens.RESET_DONE)
    assert wire.session.resets == 1
    assert wire.shared.descriptor == 0
    assert ("error", 8179) in wire.run(packets.RPC, call(12, ("", 0, "int", 1)))  # prepared statements are gone


def test_transactions_of_a_batch_are_told(wire: Wire) -> None:
    assert wire.run(packets.BATCH, u("BEGIN TRANSACTION")) == [
        ("change", tokens.BEGIN),
        ("done", (tokens.IN_TRANSACTION, 0, 0)),
    ]
    assert ("change", tokens.COMMIT) in wire.run(packets.BATCH, u("COMMIT TRANSACTION"))


def test_transaction_manager_requests_carry_names_and_levels(wire: Wire) -> None:
    name = u("a]b")
    wire.run(packets.TRANSACTION, struct.pack("<HBB", 5, 4, len(name)) + name)
    wire.run(packets.TRANSACTION, struct.pack("<HB", 9, len(name)) + name)
    wire.run(packets.TRANSACTION, struct.pack("<HBBBB", 8, 0, 1, 2, 0))
    assert [text for text, _ in wire.session.seen] == [
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "BEGIN TRANSACTION [a]]b]",
        "SAVE TRANSACTION [a]]b]",
        "ROLLBACK TRANSACTION",
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "BEGIN TRANSACTION",
    ]
    assert ("error", 59999) in wire.run(packets.TRANSACTION, struct.pack("<H", 0))


def test_after_an_attention_nothing_but_its_acknowledgement(wire: Wire) -> None:
    def handler(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        yield Done(1)
        reply.cancelled = True
        yield SqlError(1, "late")

    wire.session.instance.handler = handler
    reply = Reply(wire.session, wire.shared, "SQL1", wire.early.append, limit=4096)
    rest = wire.requests.run(packets.Message(packets.BATCH, HEADERS + u("x")), reply)
    # The response ends; the acknowledgement is a message of its own, which the connection sends (next test).
    assert list(read(rest))[-1] == ("done", (tokens.FAILED, 0, 0))
    assert "error" not in dict(read(rest))


def test_the_acknowledgement_of_an_attention_is_a_message_of_its_own(tmp_path: Path) -> None:
    """The bytes on the wire: the response's last packet, then one packet that holds nothing but the acknowledgement."""
    begun, written = threading.Event(), []

    def handler(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
        yield Done(1)
        begun.set()
        session.cancelled.wait(5)

    class Channel:
        packet_size = 4096

        def __init__(self) -> None:
            self.asked = 0

        async def read(self) -> packets.Message:
            self.asked += 1
            if self.asked == 1:
                return packets.Message(packets.BATCH, HEADERS + u("x"))
            if self.asked == 2:
                await asyncio.get_running_loop().run_in_executor(None, begun.wait)
                return packets.Message(packets.ATTENTION, b"")
            raise asyncio.IncompleteReadError(b"", 8)

        async def write(self, kind: int, data: bytes, *, last: bool = True) -> None:
            written.append((data, last))

        def abort(self) -> None: ...

    async def serve() -> None:
        session = FakeSession(FakeInstance(), "sa", "master")
        session.instance.handler = handler
        world = World(tmp_path, {}, 0)
        machine = Machine(world, "SQL1", "test", "TEST", "127.42.5.9", "127.42.5.9", ("sql",))
        world.add(machine)
        server: Any = SimpleNamespace(world=world, machine=machine)
        served = Connection(server, Channel(), "")  # type: ignore[arg-type]
        with contextlib.suppress(asyncio.IncompleteReadError):
            await served._serve(session)

    asyncio.run(serve())
    *_, response, acknowledgement = written
    assert response[1]
    assert list(read(response[0]))[-1] == ("done", (tokens.FAILED, 0, 0))
    assert acknowledgement == (tokens.done(tokens.DONE, tokens.ATTENTION), True)


@pytest.mark.parametrize(
    ("kind", "value", "token", "data"),
    [
        ("tinyint", 200, 0x30, "c8"),
        ("bit", True, 0x32, "01"),
        ("smallint", -2, 0x34, "feff"),
        ("int", 1, 0x38, "01000000"),
        ("smalldatetime", SECOND_DAY, 0x3A, "01000000"),
        ("real", 1.0, 0x3B, "0000803f"),
        ("money", Decimal(1), 0x3C, "0000000010270000"),
        ("datetime", SECOND_DAY, 0x3D, "0100000000000000"),
        ("float", 1.0, 0x3E, "000000000000f03f"),
        ("smallmoney", Decimal(1), 0x7A, "10270000"),
        ("bigint", 1, 0x7F, "0100000000000000"),
    ],
)
def test_a_column_without_null_has_a_type_of_fixed_length(kind: str, value: Any, token: int, data: str) -> None:
    rows = tokens.Rows((Column("a", kind, nullable=False),))
    assert rows.metadata == b"\x81\x01\x00" + bytes(4) + b"\x08\x00" + bytes([token]) + b"\x01a\0"
    assert rows.row((value,)) == b"\xd1" + bytes.fromhex(data)
    with pytest.raises(ValueError, match="NULL in a column that holds none"):
        rows.row((None,))
    nullable = tokens.Rows((Column("a", kind),))
    assert nullable.row((value,)) == b"\xd1" + bytes([len(data) // 2]) + bytes.fromhex(data)


def test_types_without_a_fixed_form_stay_as_they_are() -> None:
    for kind in ("nvarchar(5)", "decimal(5,2)", "uniqueidentifier", "date", "datetime2", "varbinary(max)"):
        head = tokens.Rows((Column("a", kind, nullable=False),)).metadata
        assert head[9:] == tokens.Rows((Column("a", kind),)).metadata[9:]


def test_text_of_half_a_character_ends_the_connection(wire: Wire) -> None:
    with pytest.raises(ProtocolError):
        wire.run(packets.BATCH, b"abc")


@pytest.mark.parametrize("data", [b"", b"\x01", b"\xff\xff", struct.pack("<H", 500) + b"x"])
def test_a_request_that_breaks_off_ends_the_connection(wire: Wire, data: bytes) -> None:
    if not data:
        assert wire.run(packets.RPC, data) == []
        return
    with pytest.raises(ProtocolError):
        wire.run(packets.RPC, data)


HOSTILE = st.binary(max_size=200)
"""Whatever a client may send: the wire answers or ends the connection, and nothing else happens."""


@given(HOSTILE)
def test_any_call_is_understood_or_ends_the_connection(data: bytes) -> None:
    with contextlib.suppress(ProtocolError, NotModelledError):
        rpc.parse(HEADERS + data)


@given(st.integers(0, 255), HOSTILE)
def test_any_parameter_is_understood_or_ends_the_connection(token: int, data: bytes) -> None:
    with contextlib.suppress(ProtocolError, NotModelledError):
        rpc.parse(HEADERS + call(10) + b"\0\0" + bytes([token]) + data)


@given(HOSTILE)
def test_any_greeting_is_understood_or_ends_the_connection(data: bytes) -> None:
    for read_it in (login7.parse, prelogin.encryption_wanted, transactions.statements):
        with contextlib.suppress(ProtocolError, NotModelledError):
            read_it(data)
        with contextlib.suppress(ProtocolError, NotModelledError):
            read_it(struct.pack("<I", 4) + data)
