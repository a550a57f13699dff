"""SqlCommand: what a script set on it takes effect when it executes."""

from __future__ import annotations

import re
from typing import Any

from lab.powershell import api
from lab.powershell.api import DotNet, NotModelledError, PowerShellError, PSObject, dotnet
from lab.sql.api import Parameter, SqlError
from lab.sql.sqlclient import enums, errors, values
from lab.sql.sqlclient.connection import Connection
from lab.sql.sqlclient.execution import Execution
from lab.sql.sqlclient.parameters import Parameters, SqlParameter
from lab.sql.sqlclient.reader import Reader
from lab.sql.tds.rpc import Argument, bind

__all__ = ["Command", "SqlCommand", "SqlParameter"]

_STATUS = "@RETURN_STATUS"
_PROCEDURE = re.compile(r"[\w@#$.\[\]\" ]+")


class Command(PSObject):
    """A SqlCommand."""

    def __init__(self, session: api.Session, text: str, connection: Connection | None) -> None:
        self.parameters = Parameters()
        super().__init__(
            "System.Data.SqlClient.SqlCommand",
            {
                "CommandText": text,
                "CommandTimeout": 30,
                "CommandType": enums.COMMAND_TYPE.of(1),
                "Connection": connection,
                "Parameters": self.parameters,
                "Transaction": None,
            },
            {
                "ExecuteNonQuery": self.execute_non_query,
                "ExecuteScalar": self.execute_scalar,
                "ExecuteReader": self.execute_reader,
                "Cancel": lambda: None,
                "Dispose": lambda: None,
                "Prepare": lambda: None,
                "CreateParameter": lambda: SqlParameter.create(session),
            },
            text="System.Data.SqlClient.SqlCommand",
        )

    def set(self, name: str, value: Any) -> None:
        if name.lower() == "parameters":
            raise errors.read_only(name)
        super().set(name, value)

    def execute_non_query(self) -> int:
        """Rows changed, -1 when no statement counts any."""
        execution = self._start("ExecuteNonQuery")
        execution.finish()
        self._take_outputs()
        return execution.affected

    def execute_scalar(self) -> Any:
        """The first value of the first row; nothing without rows. The whole batch runs."""
        execution = self._start("ExecuteScalar")
        result = execution.next_result()
        found = None
        if result is not None:
            if result.rows:
                found = values.to_net(result.rows[0][0], result.columns[0].type)
            execution.finish()
        self._take_outputs()
        return found

    def execute_reader(self, *behavior: Any) -> Reader:
        if behavior:
            raise NotModelledError("SqlCommand.ExecuteReader with a CommandBehavior")
        execution = self._start("ExecuteReader")
        result = execution.next_result()
        connection = self.get("Connection")
        return Reader(connection, execution, result)

    # --- starting ---------------------------------------------------------------------------------------------------

    def _start(self, method: str) -> Execution:
        connection = self.get("Connection")
        if not isinstance(connection, Connection):
            raise errors.invalid_operation(f"{method}: Connection property has not been initialized.")
        session = connection.opened(method)
        text = str(self.get("CommandText") or "")
        if not text:
            raise errors.invalid_operation(f"{method}: CommandText property has not been initialized")
        seconds = self.get("CommandTimeout")
        if not isinstance(seconds, int) or seconds < 0:
            raise errors.argument(f"Invalid CommandTimeout value {seconds}; the value must be >= 0.")
        text, parameters = self._composed(text, connection)
        return Execution(connection, session, text, parameters, seconds)

    def _composed(self, text: str, connection: Connection) -> tuple[str, tuple[Parameter, ...]]:
        kind = enums.member(enums.COMMAND_TYPE, self.get("CommandType"))
        if kind.name == "StoredProcedure":
            return self._call(text)
        if kind.name != "Text":
            raise NotModelledError("SqlCommand with CommandType TableDirect")
        declared = [one.for_engine() for one in self.parameters.items if one.direction != "ReturnValue"]
        sent = {one.name.lower() for one in self.parameters.items if one.is_sent}
        given = tuple(
            Argument(one.name, one.type, one.value, one.output) for one in declared if one.name.lower() in sent
        )
        try:
            return text, bind(declared, given, text)
        except SqlError as error:
            raise self._refused(error, connection) from error

    def _call(self, name: str) -> tuple[str, tuple[Parameter, ...]]:
        """A stored procedure, as the EXECUTE it stands for."""
        if _PROCEDURE.fullmatch(name) is None:
            raise NotModelledError(f"the procedure name {name!r}")
        parameters = [Parameter(_STATUS, "int", None, output=True)]
        written = []
        for one in self.parameters.items:
            if one.direction == "ReturnValue" or not one.is_sent:
                continue
            parameter = one.for_engine()
            parameters.append(parameter)
            written.append(f"{one.name} = {one.name}{' OUTPUT' if parameter.output else ''}")
        return f"EXECUTE {_STATUS} = {name} {', '.join(written)}".rstrip(), tuple(parameters)

    @staticmethod
    def _refused(error: SqlError, connection: Connection) -> PowerShellError:
        return errors.sql_exception([error], connection.machine)

    def _take_outputs(self) -> None:
        """Put what output parameters hold now into their Value."""
        connection = self.get("Connection")
        if connection.sql is None:
            return
        found = {name.lower(): value for name, value in connection.sql.outputs.items()}
        for one in self.parameters.items:
            name = _STATUS.lower() if one.direction == "ReturnValue" else one.name.lower()
            if one.direction != "Input" and name in found:
                one.set("Value", values.to_net(found[name], one.for_engine().type))


Connection.command = Command


@dotnet("System.Data.SqlClient.SqlCommand")
class SqlCommand(DotNet):
    @classmethod
    def create(cls, session: api.Session, *arguments: Any) -> Any:
        text = str(arguments[0] or "") if arguments else ""
        connection = arguments[1] if len(arguments) > 1 else None
        if len(arguments) > 2 or not isinstance(connection, Connection | None):
            raise NotModelledError("a SqlCommand with a transaction")
        return Command(session, text, connection)
