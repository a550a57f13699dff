"""Dynamic management views of the instance: sessions, system information, services."""

from __future__ import annotations

import uuid

from lab.sql.engine.catalog.databases import visible
from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import raw
from lab.sql.engine.database import Database
from lab.sql.engine.group.connection import service_account
from lab.sql.engine.instance import Connected
from lab.sql.engine.session import Session

STATE = "VIEW SERVER STATE"


def _seen(session: Session) -> list[Connected]:
    """All sessions with VIEW SERVER STATE, else one's own."""
    if session.principal.may(session.server, STATE):
        return [session.instance.sessions[number] for number in sorted(session.instance.sessions)]
    return [session]


@view(
    "sys.dm_exec_sessions",
    "host_name nvarchar(128), program_name nvarchar(128), original_security_id varbinary(85)",
    not_modelled="""session_id login_time host_process_id client_version client_interface_name security_id
    login_name nt_domain nt_user_name status last_request_start_time is_user_process transaction_isolation_level
    lock_timeout row_count original_login_name database_id open_transaction_count cpu_time memory_usage
    total_scheduled_time total_elapsed_time endpoint_id last_request_end_time reads writes logical_reads text_size
    language date_format date_first quoted_identifier arithabort ansi_null_dflt_on ansi_defaults ansi_warnings
    ansi_padding ansi_nulls concat_null_yields_null deadlock_priority prev_error last_successful_logon
    last_unsuccessful_logon unsuccessful_logons group_id authenticating_database_id context_info""",
)
def _sessions(session: Session, current: Database) -> Rows:
    for one in _seen(session):
        yield {"host_name": one.host, "program_name": one.program, "original_security_id": one.original.sid}


@view(
    "sys.dm_exec_requests",
    "session_id smallint, command nvarchar(32), percent_complete real",
    not_modelled="""request_id start_time status database_id wait_type sql_handle statement_start_offset
    statement_end_offset plan_handle user_id connection_id blocking_session_id wait_time last_wait_type wait_resource
    open_transaction_count open_resultset_count transaction_id context_info estimated_completion_time cpu_time
    total_elapsed_time scheduler_id task_address reads writes logical_reads text_size language date_format date_first
    quoted_identifier arithabort ansi_null_dflt_on ansi_defaults ansi_warnings ansi_padding ansi_nulls
    concat_null_yields_null transaction_isolation_level lock_timeout deadlock_priority row_count prev_error
    nest_level granted_query_memory executing_managed_code group_id query_hash query_plan_hash""",
)
def _requests(session: Session, current: Database) -> Rows:
    for one in _seen(session):
        if one.running:
            command, percent = one.command
            yield {"session_id": one.spid, "command": command, "percent_complete": percent}


@view(
    "sys.dm_server_services",
    "service_account nvarchar(256), filename nvarchar(256)",
    not_modelled="""servicename startup_type startup_type_desc status status_desc process_id last_startup_time
    is_clustered cluster_nodename""",
    permission=STATE,
)
def _services(session: Session, current: Database) -> Rows:
    account = service_account(session.instance.machine)
    for file in ("sqlservr.exe", "SQLAGENT.EXE"):
        yield {"service_account": account, "filename": file}


@view(
    "msdb.dbo.sysjobs",
    "job_id uniqueidentifier, name sysname, enabled tinyint, owner_sid varbinary(85)",
    not_modelled="""originating_server_id description start_step_id category_id date_created date_modified
    version_number notify_level_eventlog notify_level_email notify_level_netsend notify_level_page
    notify_email_operator_id notify_netsend_operator_id notify_page_operator_id delete_level""",
)
def _jobs(session: Session, current: Database) -> Rows:
    for one in session.server.documents("agent-job"):
        yield {"job_id": uuid.UUID(one["id"]), "name": one["name"], "enabled": one["enabled"],
               "owner_sid": raw(one["owner"])}  # fmt: skip


@view(
    "sys.dm_os_performance_counters",
    "object_name nchar(128), counter_name nchar(128), instance_name nchar(128), cntr_value bigint",
    not_modelled="cntr_type",
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
            yield {"object_name": f"{prefix}:Databases", "counter_name": name,
                   "instance_name": database.name, "cntr_value": value}  # fmt: skip
