"""Functions that give rows. SQL Server has more; the lab knows none but these."""

from __future__ import annotations

from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error
from lab.sql.engine.query.plan import SourcePlan
from lab.sql.engine.query.scope import Env, Field, Row, Scope
from lab.sql.engine.types import SYSNAME, nvarchar

PERMISSIONS = ("CONNECT SQL", "VIEW SERVER STATE", "VIEW ANY DATABASE", "VIEW ANY DEFINITION", "ALTER ANY LOGIN",
               "ALTER ANY DATABASE", "CREATE ANY DATABASE", "ALTER ANY AVAILABILITY GROUP", "ALTER SETTINGS",
               "CONTROL SERVER")  # fmt: skip


def plan_function(scope: Scope, source: n.FunctionSource) -> SourcePlan:
    """Raises 208 for a function that does not exist."""
    name = source.parts[-1].lower()
    session = scope.frame.session
    alias = ((source.alias or name).lower(),)
    if name in ("fn_my_permissions",):
        fields = [Field(alias, "entity_name", nvarchar(128)), Field(alias, "subentity_name", nvarchar(128)),
                  Field(alias, "permission_name", nvarchar(60))]  # fmt: skip

        def permissions(env: Env | None) -> list[Row]:
            return [("server", "", one) for one in PERMISSIONS if session.principal.may(session.server, one)]

        return SourcePlan(tuple(fields), permissions)
    if name == "fn_helpcollations":
        fields = [Field(alias, "name", SYSNAME), Field(alias, "description", nvarchar(1000))]
        return SourcePlan(
            tuple(fields), lambda env: [("SQL_Latin1_General_CP1_CI_AS", "Latin1-General, case-insensitive")]
        )
    raise error(208, ".".join(source.parts))
