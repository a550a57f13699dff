"""Functions that give rows. SQL Server has more; the lab knows none but these."""

from __future__ import annotations

from lab.sql.engine import nodes as n
from lab.sql.engine.catalog.server import PERMISSION_TYPES
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.permissions import ON_ALL, SECURABLE_PERMISSIONS, SERVER_PERMISSIONS
from lab.sql.engine.query.bind import bind
from lab.sql.engine.query.plan import SourcePlan
from lab.sql.engine.query.scope import Env, Field, Row, Scope
from lab.sql.engine.types import SYSNAME, nvarchar, varchar

PERMISSIONS = ("CONNECT SQL", "VIEW SERVER STATE", "VIEW ANY DATABASE", "VIEW ANY DEFINITION", "ALTER ANY LOGIN",
               "ALTER ANY DATABASE", "CREATE ANY DATABASE", "ALTER ANY AVAILABILITY GROUP", "ALTER SETTINGS",
               "CONTROL SERVER")  # fmt: skip

NOT_MODELLED = frozenset(("fn_listextendedproperty", "fn_virtualfilestats", "fn_get_audit_file", "fn_trace_getinfo",
                          "fn_trace_gettable", "fn_dblog", "fn_cdc_get_all_changes"))  # fmt: skip
"""SQL Server knows these, the lab does not."""
CLASSES = frozenset((
    "APPLICATION ROLE", "ASSEMBLY", "ASYMMETRIC KEY", "AVAILABILITY GROUP", "CERTIFICATE", "CONTRACT", "DATABASE",
    "ENDPOINT", "FULLTEXT CATALOG", "FULLTEXT STOPLIST", "LOGIN", "MESSAGE TYPE", "OBJECT", "REMOTE SERVICE BINDING",
    "ROLE", "ROUTE", "SCHEMA", "SEARCH PROPERTY LIST", "SERVER ROLE", "SERVICE", "SYMMETRIC KEY", "TYPE", "USER",
    "XML SCHEMA COLLECTION",
))  # fmt: skip
"""Of securables, beside the server itself."""
_ROOT = "CONTROL SERVER"
COVERED_BY = {
    "CREATE ANY DATABASE": "ALTER ANY DATABASE", "CREATE AVAILABILITY GROUP": "ALTER ANY AVAILABILITY GROUP",
    "CREATE DDL EVENT NOTIFICATION": "ALTER ANY EVENT NOTIFICATION", "CREATE ENDPOINT": "ALTER ANY ENDPOINT",
    "CREATE SERVER ROLE": "ALTER ANY SERVER ROLE", "CREATE TRACE EVENT NOTIFICATION": "ALTER ANY EVENT NOTIFICATION",
    "EXTERNAL ACCESS ASSEMBLY": "UNSAFE ASSEMBLY", "VIEW ANY DATABASE": "VIEW ANY DEFINITION",
    "VIEW SERVER STATE": "ALTER SERVER STATE",
}  # fmt: skip
"""Of the server's permissions: which other one implies it; all others are implied by CONTROL SERVER alone."""


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
    if name == "fn_builtin_permissions":
        return _builtin_permissions(scope, source, alias)
    if name in NOT_MODELLED or name.startswith("dm_"):
        raise not_modelled(f"the function {'.'.join(source.parts)}")
    raise error(208, ".".join(source.parts))


def _builtin_permissions(scope: Scope, source: n.FunctionSource, alias: tuple[str, ...]) -> SourcePlan:
    """The permissions of one class of securables: of the server; an invalid class gives no row (documentation of
    sys.fn_builtin_permissions). That what does not apply is an empty text is unproven."""
    if len(source.arguments) != 1:
        raise error(313 if not source.arguments else 8144, ".".join(source.parts))
    wanted = bind(scope, source.arguments[0])
    columns = ("class_desc", "permission_name", "type", "covering_permission_name", "parent_class_desc",
               "parent_covering_permission_name")  # fmt: skip
    fields = tuple(Field(alias, name, varchar(4) if name == "type" else nvarchar(60)) for name in columns)

    def rows(env: Env | None) -> list[Row]:
        value = wanted.value(env or Env(()))
        kind = str(value or "").rstrip().upper()
        if kind in SECURABLE_PERMISSIONS:
            above = {**SECURABLE_PERMISSIONS[kind], **ON_ALL}
            return [
                (kind, one, PERMISSION_TYPES[one], "CONTROL" if one != "CONTROL" else "", "SERVER", above[one])
                for one in sorted(above)
            ]
        if not kind or kind in CLASSES:
            raise not_modelled(f"sys.fn_builtin_permissions('{kind}')")
        if kind != "SERVER":
            return []
        return [
            ("SERVER", one, PERMISSION_TYPES[one], COVERED_BY.get(one, _ROOT if one != _ROOT else ""), "", "")
            for one in sorted(SERVER_PERMISSIONS)
        ]

    return SourcePlan(fields, rows)
