"""Transaction manager requests ([MS-TDS] 2.2.6.9) as the T-SQL they stand for."""

from __future__ import annotations

from lab.powershell.api import NotModelledError
from lab.sql.tds.cursor import Cursor
from lab.sql.tds.packets import ProtocolError

_BEGIN, _COMMIT, _ROLLBACK, _SAVE = 5, 7, 8, 9
_LEVELS = {1: "READ UNCOMMITTED", 2: "READ COMMITTED", 3: "REPEATABLE READ", 4: "SERIALIZABLE", 5: "SNAPSHOT"}


def statements(data: bytes) -> list[str]:
    """Raises NotModelledError for distributed transactions."""
    cursor = Cursor(data)
    cursor.skip_headers()
    kind = cursor.ushort()
    if kind == _BEGIN:
        return _begin(cursor)
    if kind not in {_COMMIT, _ROLLBACK, _SAVE}:
        raise NotModelledError(f"the transaction manager request {kind} (distributed transactions)")
    verb = {_COMMIT: "COMMIT", _ROLLBACK: "ROLLBACK", _SAVE: "SAVE"}[kind]
    found = [f"{verb} TRANSACTION{_name(cursor)}"]
    if kind != _SAVE and cursor.byte() & 1:
        found += _begin(cursor)
    return found


def _begin(cursor: Cursor) -> list[str]:
    level = cursor.byte()
    name = _name(cursor)
    change = [f"SET TRANSACTION ISOLATION LEVEL {_LEVELS[level]}"] if level in _LEVELS else []
    return [*change, f"BEGIN TRANSACTION{name}"]


def _name(cursor: Cursor) -> str:
    """The transaction's name as a quoted identifier, with a space in front; empty without one."""
    size = cursor.byte()
    if size % 2:
        raise ProtocolError("a transaction's name that ends in half a character")
    name = cursor.text(size // 2)
    return f" [{name.replace(']', ']]')}]" if name else ""
