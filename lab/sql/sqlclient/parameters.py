"""SqlParameter and the collection of a command."""

from __future__ import annotations

from typing import Any

from lab.powershell import api
from lab.powershell.api import DotNet, EnumValue, NotModelledError, PSObject, dotnet
from lab.sql.api import Parameter
from lab.sql.sqlclient import enums, errors, values

_SPACE = "System.Data.SqlClient"


class SqlParameterObject(PSObject):
    """One SqlParameter: ``ParameterName``, ``SqlDbType``, ``Size``, ``Value``, ``Direction``."""

    def __init__(self, name: str, value: Any = None, kind: Any = None, size: int = 0) -> None:
        super().__init__(
            f"{_SPACE}.SqlParameter",
            {
                "ParameterName": name,
                "SqlDbType": enums.member(enums.SQL_DB_TYPE, kind) if kind is not None else None,
                "Size": int(size),
                "Value": value,
                "Direction": enums.DIRECTION.of(1),
                "IsNullable": False,
            },
            text=name,
        )

    @property
    def name(self) -> str:
        name = str(self.get("ParameterName") or "")
        return name if name.startswith("@") else f"@{name}"

    @property
    def direction(self) -> str:
        return enums.member(enums.DIRECTION, self.get("Direction")).name

    @property
    def is_sent(self) -> bool:
        """A Value of $null (not DBNull) is not sent: the server then misses the parameter."""
        return self.get("Value") is not None or self.direction != "Input"

    def for_engine(self) -> Parameter:
        value, kind = self.get("Value"), self.get("SqlDbType")
        text = (
            values.deduced(value)
            if kind is None
            else values.declared(enums.member(enums.SQL_DB_TYPE, kind), int(self.get("Size") or 0), value)
        )
        sent = None if value is None else values.to_sql(value)
        return Parameter(self.name, text, sent, output=self.direction in {"Output", "InputOutput"})


class Parameters(PSObject):
    """A SqlParameterCollection."""

    def __init__(self) -> None:
        self.items: list[SqlParameterObject] = []
        super().__init__(
            f"{_SPACE}.SqlParameterCollection",
            {"Count": 0},
            {
                "Add": self.add,
                "AddWithValue": self.add_with_value,
                "AddRange": self.add_range,
                "Clear": self.clear,
                "Contains": lambda name: self._find(name) is not None,
                "RemoveAt": self.remove,
                "Item": self.item,
                "get_Item": self.item,
            },
            text=f"{_SPACE}.SqlParameterCollection",
        )

    def _find(self, name: Any) -> SqlParameterObject | None:
        wanted = str(name).lower()
        return next((one for one in self.items if str(one.get("ParameterName")).lower() == wanted), None)

    def item(self, key: Any) -> SqlParameterObject:
        if isinstance(key, int) and 0 <= key < len(self.items):
            return self.items[key]
        found = self._find(key)
        if found is None:
            message = f"An SqlParameter with ParameterName '{key}' is not contained by this SqlParameterCollection."
            raise errors.out_of_range(message)
        return found

    __getitem__ = item

    def _keep(self, parameter: SqlParameterObject) -> SqlParameterObject:
        self.items.append(parameter)
        self.properties["Count"] = len(self.items)
        return parameter

    def add_with_value(self, name: Any, value: Any) -> SqlParameterObject:
        return self._keep(SqlParameterObject(str(name), value))

    def add(self, first: Any, kind: Any = None, size: Any = 0, *rest: Any) -> SqlParameterObject:
        if isinstance(first, SqlParameterObject):
            return self._keep(first)
        if rest:
            raise NotModelledError("SqlParameterCollection.Add with a source column")
        if kind is not None and not isinstance(kind, EnumValue) and enums.SQL_DB_TYPE.find(str(kind)) is None:
            return self.add_with_value(first, kind)  # the old overload (name, value)
        return self._keep(SqlParameterObject(str(first), None, kind, int(size)))

    def add_range(self, parameters: Any) -> None:
        for parameter in parameters:
            self.add(parameter)

    def clear(self) -> None:
        self.items.clear()
        self.properties["Count"] = 0

    def remove(self, key: Any) -> None:
        self.items.remove(self.item(key))
        self.properties["Count"] = len(self.items)


@dotnet(f"{_SPACE}.SqlParameter")
class SqlParameter(DotNet):
    @classmethod
    def create(cls, session: api.Session, *arguments: Any) -> Any:
        match arguments:
            case ():
                return SqlParameterObject("")
            case (name, EnumValue() as kind):
                return SqlParameterObject(str(name), None, kind)
            case (name, value):
                return SqlParameterObject(str(name), value)
            case (name, kind, size):
                return SqlParameterObject(str(name), None, kind, int(size))
            case _:
                raise NotModelledError(f"a SqlParameter from {len(arguments)} arguments")
