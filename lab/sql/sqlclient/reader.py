"""SqlDataReader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.powershell.api import PSObject
from lab.sql.api import ResultSet
from lab.sql.sqlclient import errors, values
from lab.sql.sqlclient.enums import DB_NULL
from lab.sql.sqlclient.execution import Execution
from lab.sql.tds import types

if TYPE_CHECKING:
    from lab.sql.sqlclient.connection import Connection

_TYPED = ("String", "Int32", "Int64", "Int16", "Byte", "Boolean", "DateTime", "Decimal", "Double", "Guid")


class Reader(PSObject):
    """Rows of the command's result sets, one after the other."""

    def __init__(self, connection: Connection, execution: Execution, result: ResultSet | None) -> None:
        self._connection, self._execution = connection, execution
        self._result: ResultSet | None = result
        self._position = -1
        super().__init__(
            "System.Data.SqlClient.SqlDataReader",
            {"Depth": 0, "FieldCount": 0, "HasRows": False, "IsClosed": False, "RecordsAffected": -1},
            {
                "Read": self.read,
                "NextResult": self.next_result,
                "Close": self.close,
                "Dispose": self.close,
                "GetName": lambda at: self._columns[self._at(at)].name,
                "GetOrdinal": self.ordinal,
                "GetDataTypeName": lambda at: types.parse(self._columns[self._at(at)].type).name,
                "GetValue": self.value,
                "GetValues": self.values_into,
                "IsDBNull": lambda at: self.value(at) is DB_NULL,
                "Item": self.item,
                "get_Item": self.item,
                **{f"Get{name}": self._typed for name in _TYPED},
            },
            text="System.Data.SqlClient.SqlDataReader",
        )
        connection.reader = self
        self._show()

    def set(self, name: str, value: Any) -> None:
        raise errors.read_only(name)

    @property
    def _columns(self) -> tuple[Any, ...]:
        return self._result.columns if self._result is not None else ()

    def _show(self) -> None:
        self.properties.update(
            FieldCount=len(self._columns),
            HasRows=bool(self._result and self._result.rows),
            RecordsAffected=self._execution.affected,
        )

    def _open(self, method: str) -> None:
        if self.properties["IsClosed"]:
            raise errors.invalid_operation(f"Invalid attempt to call {method} when reader is closed.")

    def read(self) -> bool:
        self._open("Read")
        if self._result is None or self._position + 1 >= len(self._result.rows):
            self._position = len(self._result.rows) if self._result else 0
            return False
        self._position += 1
        return True

    def next_result(self) -> bool:
        self._open("NextResult")
        self._position = -1
        self._result = self._execution.next_result()
        self._show()
        return self._result is not None

    def close(self) -> None:
        """The rest of the batch still runs, as on the real server, which has it already."""
        if self.properties["IsClosed"]:
            return
        self.properties["IsClosed"] = True
        self._connection.reader = None
        self._execution.finish()
        self._show()

    def abandon(self) -> None:
        """The connection is being closed."""
        self.properties["IsClosed"] = True
        self._connection.reader = None
        self._execution.abandon()

    def _at(self, index: Any) -> int:
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(self._columns):
            raise errors.out_of_range("Index was outside the bounds of the array.")
        return int(index)

    def ordinal(self, name: Any) -> int:
        """First with case, then without, as the framework looks."""
        for fold in (str, str.lower):
            for at, column in enumerate(self._columns):
                if fold(column.name) == fold(str(name)):
                    return at
        raise errors.out_of_range(str(name))

    def value(self, index: Any) -> Any:
        self._open("GetValue")
        at = self._at(index)
        if self._result is None or not 0 <= self._position < len(self._result.rows):
            raise errors.invalid_operation("Invalid attempt to read when no data is present.")
        return values.to_net(self._result.rows[self._position][at], self._columns[at].type)

    def _typed(self, index: Any) -> Any:
        found = self.value(index)
        if found is DB_NULL:
            message = "Data is Null. This method or property cannot be called on Null values."
            raise errors.sql_null(message)
        return found

    def item(self, key: Any) -> Any:
        """``$reader['name']`` and ``$reader[0]``."""
        return self.value(key if isinstance(key, int) else self.ordinal(key))

    __getitem__ = item

    def values_into(self, array: Any) -> int:
        count = min(len(array), len(self._columns))
        for at in range(count):
            array[at] = self.value(at)
        return count
