"""Dynamic management views of the instance: sessions, system information, services."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from lab.sql.engine.catalog.databases import visible
from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import moment, raw
from lab.sql.engine.database import Database
from lab.sql.engine.group.connection import service_account
from lab.sql.engine.values import quantum

if TYPE_CHECKING:
    from lab.sql.engine.session import Session

STATE = "VIEW SERVER STATE"


def _seen(session: Session) -> list[Session]:
    """All sessions with VIEW SERVER STATE, else one's own."""
    if session.principal.may(session.server, STATE):
        return [session.instance.sessions[number] for number in sorted(session.instance.sessions)]
    return [session]


@view(
    "sys.dm_exec_sessions",
    """session_id smallint, login_time datetime, host_name nvarchar(128), program_name nvarchar(128),
    host_process_id int, client_version int, client_interface_name nvarchar(32), security_id varbinary(85),
    login_name nvarchar(128), nt_domain nvarchar(128), nt_user_name nvarchar(128), status nvarchar(30),
    last_request_start_time datetime, is_user_process bit, transaction_isolation_level smallint, lock_timeout int,
    row_count bigint, original_security_id varbinary(85), original_login_name nvarchar(128), database_id smallint,
    open_transaction_count int""",
)
def _sessions(session: Session, current: Database) -> Rows:
    for one in _seen(session):
        domain, _, user = one.original.name.partition("\\") if one.original.windows else ("", "", "")
        yield {"session_id": one.spid, "login_time": quantum(one.began), "host_name": one.host,
               "program_name": one.program,
               "client_interface_name": "ODBC" if "odbc" in one.program.lower() else ".Net SqlClient Data Provider",
               "security_id": one.principal.sid, "login_name": one.principal.name, "nt_domain": domain or None,
               "nt_user_name": user or None, "status": "running" if one.running else "sleeping",
               "last_request_start_time": quantum(one.last_request), "is_user_process": True,
               "transaction_isolation_level": 2, "lock_timeout": one.settings["LOCK_TIMEOUT"],
               "row_count": one.rowcount,
               "original_security_id": one.original.sid, "original_login_name": one.original.name,
               "database_id": _database_id(one), "open_transaction_count": one.trancount}  # fmt: skip


def _database_id(session: Session) -> int | None:
    found = session.find_database(session.database)
    return found.id if found else None


@view(
    "sys.dm_exec_requests",
    """session_id smallint, request_id int, start_time datetime, status nvarchar(30),
    command nvarchar(32), database_id smallint, percent_complete real, wait_type nvarchar(60)""",
)
def _requests(session: Session, current: Database) -> Rows:
    for one in _seen(session):
        if one.running:
            command, percent = one.command
            yield {"session_id": one.spid, "request_id": 0, "start_time": quantum(one.last_request),
                   "status": "running",
                   "command": command, "database_id": _database_id(one), "percent_complete": percent}  # fmt: skip


@view(
    "sys.dm_server_services",
    """servicename nvarchar(256), startup_type int, startup_type_desc nvarchar(256), status int,
    status_desc nvarchar(256), process_id int, last_startup_time datetime2, service_account nvarchar(256),
    filename nvarchar(256), is_clustered nvarchar(1), cluster_nodename nvarchar(256)""",
    permission=STATE,
)
def _services(session: Session, current: Database) -> Rows:
    instance = session.instance
    account = service_account(instance.machine)
    names = instance.installation
    for name, file in (
        (f"SQL Server ({names.instance})", "sqlservr.exe"),
        (f"SQL Server Agent ({names.instance})", "SQLAGENT.EXE"),
    ):
        agent = file.startswith("SQLAGENT")
        document = instance.machine.collection("service").get(names.agent) if agent else {"status": "Running"}
        running = (document or {"status": "Running"})["status"] == "Running"
        yield {"servicename": name, "startup_type": 2, "startup_type_desc": "Automatic", "status": 4 if running else 1,
               "status_desc": "Running" if running else "Stopped", "process_id": instance.process_id + agent,
               "last_startup_time": instance.started.replace(tzinfo=None), "service_account": account,
               "filename": file, "is_clustered": "N"}  # fmt: skip


@view(
    "sys.messages", "message_id int, language_id smallint, severity tinyint, is_event_logged bit, text nvarchar(2048)"
)
def _messages(session: Session, current: Database) -> Rows:
    from lab.sql.engine.errors import MESSAGES

    for number, (severity, text) in sorted(MESSAGES.items()):
        yield {"message_id": number, "language_id": 1033, "severity": severity, "is_event_logged": False, "text": text}


@view(
    "msdb.dbo.sysjobs",
    """job_id uniqueidentifier, originating_server_id int, name sysname, enabled tinyint,
    description nvarchar(512), start_step_id int, category_id int, owner_sid varbinary(85), date_created datetime,
    date_modified datetime, version_number int""",
)
def _jobs(session: Session, current: Database) -> Rows:
    for one in session.server.documents("agent-job"):
        yield {"job_id": uuid.UUID(one["id"]), "originating_server_id": 0, "name": one["name"],
               "enabled": one["enabled"], "owner_sid": raw(one["owner"]),
               "description": one["description"], "start_step_id": 1, "category_id": 0,
               "date_created": moment(one["created"]), "date_modified": moment(one["modified"]),
               "version_number": one["version"]}  # fmt: skip


@view(
    "sys.dm_os_performance_counters",
    "object_name nchar(128), counter_name nchar(128), instance_name nchar(128), cntr_value bigint, cntr_type int",
    permission=STATE,
)
def _counters(session: Session, current: Database) -> Rows:
    """The log of each database, and no other counter. Used is the text of the lab's own records, at least one
    kilobyte; the file does not grow."""
    service = session.instance.installation.service
    prefix = "SQLServer" if service == "MSSQLSERVER" else service
    for database in visible(session):
        if database.document["state"] != "ONLINE":
            continue
        size = sum(one["size"] for one in database.document["files"] if one["type"] == "LOG") * 8
        used = 1 + session.instance.file(database.document).log_size // 1024
        values = {
            "Log File(s) Size (KB)": max(size, used),
            "Log File(s) Used Size (KB)": used,
            "Percent Log Used": 100 * used // max(size, used),
        }
        for name, value in values.items():
            yield {"object_name": f"{prefix}:Databases", "counter_name": name, "instance_name": database.name,
                   "cntr_value": value, "cntr_type": 65792}  # fmt: skip
