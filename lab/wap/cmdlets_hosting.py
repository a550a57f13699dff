"""MgmtSvcMySql and MgmtSvcSqlServer: hosting servers, which the interface passes on to their resource provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.powershell.api import Call, PSObject, cmdlet
from lab.wap.arguments import refuse, text
from lab.wap.cmdlets_admin import request


def _hosting_servers(call: Call, provider: str, kind: str) -> Iterator[Any]:
    refuse(call, "Skip", "First", "Descending")
    wanted = text(call, "Name")
    for item in request(call, "GET", f"/services/{provider}/hostingServers"):
        if wanted is None or item["Name"].lower() == wanted.lower():
            yield PSObject(f"Microsoft.WindowsAzure.Server.Management.{kind}", item, text=item["Name"])


@cmdlet("Get-MgmtSvcMySqlHostingServer")
def get_mysql_hosting_server(call: Call) -> Iterator[Any]:
    return _hosting_servers(call, "mysqlservers", "MySqlHostingServer")


@cmdlet("Get-MgmtSvcSqlHostingServer")
def get_sql_hosting_server(call: Call) -> Iterator[Any]:
    return _hosting_servers(call, "sqlservers", "SqlHostingServer")
