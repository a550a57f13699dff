"""Jobs of SQL Server Agent, as far as a login may own one: msdb.dbo.sp_add_job, sp_update_job, sp_delete_job.

Rules: SQL Server documentation of the procedures; numbers of errors as the procedures raise them (unproven). Jobs have
no steps here and never run.
"""

from __future__ import annotations

import uuid

from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.procedures.registry import Arguments, Run, procedure
from lab.world import Document

NOTIFY = ("@notify_level_eventlog", "@notify_level_email", "@notify_level_netsend", "@notify_level_page",
          "@notify_email_operator_name", "@notify_netsend_operator_name", "@notify_page_operator_name",
          "@delete_level")  # fmt: skip
UNKNOWN = ("@start_step_id", "@category_name", "@category_id", *NOTIFY, "@originating_server", "@automatic_post",
           "@delete_history", "@delete_unused_schedule")  # fmt: skip
"""Parameters that are there in the documented order, and that nothing here has a use for."""


def _refuse(a: Arguments) -> None:
    for name in UNKNOWN:
        if a.has(name):
            raise not_modelled(f"{name} of a job")


def _owner(frame: Frame, name: str | None) -> str:
    """The SID of a job's owner; the caller without a name."""
    if name is None:
        return frame.session.principal.sid.hex()
    login = frame.session.server.get("login", name)
    if login is None:
        raise error(14234, "@owner_login_name", "sp_helplogins")
    return str(login["sid"])


def _find(frame: Frame, a: Arguments) -> Document:
    """A job by name or number. Raises 14262, 14294."""
    if a.has("@job_id") == a.has("@job_name"):
        raise error(14294, "@job_id", "@job_name")
    wanted = a.get("@job_name") if a.has("@job_name") else a.get("@job_id")
    for job in frame.session.server.documents("agent-job"):
        if str(wanted).lower() in (job["name"].lower() if a.has("@job_name") else job["id"],):
            return job
    raise error(14262, "@job_name" if a.has("@job_name") else "@job_id", wanted)


@procedure("sp_add_job", "@job_name", "@enabled", "@description", "@start_step_id", "@category_name", "@category_id",
           "@owner_login_name", *NOTIFY, "@job_id", "@originating_server")  # fmt: skip
def _add(frame: Frame, a: Arguments) -> Run:
    _refuse(a)
    session = frame.session
    session.require("CONTROL SERVER", 15247)
    name = str(a.required("@job_name"))
    if session.server.get("agent-job", name) is not None:
        raise error(14261, "@job_name", name)
    now = session.instance.world.clock.now().isoformat()
    number = str(uuid.uuid4())
    owner = _owner(frame, a.get("@owner_login_name"))
    job = {"name": name, "id": number, "enabled": int(a.get("@enabled", 1)), "owner": owner, "created": now,
           "modified": now, "description": a.get("@description", "No description available."),
           "version": 1}  # fmt: skip
    session.server.put("agent-job", name, job)
    a.give("@job_id", uuid.UUID(number))
    return 0
    yield


@procedure("sp_update_job", "@job_id", "@job_name", "@new_name", "@enabled", "@description", "@start_step_id",
           "@category_name", "@owner_login_name", *NOTIFY, "@automatic_post")  # fmt: skip
def _update(frame: Frame, a: Arguments) -> Run:
    _refuse(a)
    session = frame.session
    session.require("CONTROL SERVER", 15247)
    job = _find(frame, a)
    changed = {**job, "modified": session.instance.world.clock.now().isoformat(), "version": job["version"] + 1}
    if a.get("@owner_login_name") is not None:
        changed["owner"] = _owner(frame, a.get("@owner_login_name"))
    if a.get("@enabled") is not None:
        changed["enabled"] = int(a.get("@enabled"))
    if a.get("@description") is not None:
        changed["description"] = a.get("@description")
    new = str(a.get("@new_name", job["name"]))
    if new.lower() != job["name"].lower():
        if session.server.get("agent-job", new) is not None:
            raise error(14261, "@new_name", new)
        session.server.delete("agent-job", job["name"])
    session.server.put("agent-job", new, {**changed, "name": new})
    return 0
    yield


@procedure("sp_delete_job", "@job_id", "@job_name", "@originating_server", "@delete_history", "@delete_unused_schedule")
def _delete(frame: Frame, a: Arguments) -> Run:
    _refuse(a)
    frame.session.require("CONTROL SERVER", 15247)
    frame.session.server.delete("agent-job", _find(frame, a)["name"])
    return 0
    yield
