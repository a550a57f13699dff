"""The cmdlets of ScheduledTasks.

Errors: "HRESULT 0x…,Register-ScheduledTask" with the Task Scheduler's text (seen in public reports: wazuh 18289,
CoreCycler 112, PersistentWindows 284), CmdletizationQuery_NotFound_TaskName for a name that does not exist. Not
modelled: daily, weekly and log-on triggers, S4U, XML, time limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.powershell.api import Call, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.powershell.patterns import has_wildcard
from lab.powershell.values import SizedInt
from lab.windows import tasks
from lab.windows.cim import CimInstance, not_found, prompt_refused
from lab.windows.logons import is_system
from lab.windows.tasks_parts import (
    LEVEL,
    LOGON,
    STATE,
    as_list,
    default_settings,
    instance,
    proper,
    trigger_object,
)
from lab.windows.values import given_objects, local_time, matches, member, text, texts
from lab.world import Document


@contextmanager
def _errors(call: Call) -> Iterator[None]:
    """Report a refusal as CIM cmdlets do: an error that does not end the script by itself."""
    try:
        yield
    except tasks.TaskError as error:
        call.runtime.write_error(
            PowerShellError(
                str(error),
                f"HRESULT 0x{error.hresult:08x},{call.name}",
                category=error.category,
                exception_type="Microsoft.Management.Infrastructure.CimException",
                data={"HResult": error.hresult - (1 << 32)},
            )
        )


def _task_object(call: Call, key: str, task: Document) -> CimInstance:
    running, queued = tasks.is_running(call.machine, key), tasks.is_queued(call.machine, key)
    state = "Disabled" if not task["enabled"] else "Queued" if queued else "Running" if running else "Ready"
    actions = [
        instance(
            "MSFT_TaskExecAction",
            Id=action["id"],
            Arguments=action["arguments"],
            Execute=action["execute"],
            WorkingDirectory=action["directory"],
        )
        for action in task["actions"]
    ]
    made = instance(
        "MSFT_ScheduledTask",
        Actions=actions,
        Author=task["author"],
        Date=task["date"],
        Description=task["description"],
        Documentation=None,
        Principal=instance(
            "MSFT_TaskPrincipal2",
            Id="Author",
            LogonType=member(LOGON, task["logon_type"]),
            RunLevel=member(LEVEL, task["run_level"]),
            UserId=task["user"].rsplit("\\", 1)[-1],
        ),
        SecurityDescriptor=None,
        Settings=instance("MSFT_TaskSettings3", **task["settings"]),
        Source=None,
        State=member(STATE, state),
        TaskName=task["name"],
        TaskPath=task["path"],
        Triggers=[trigger_object(each) for each in task["triggers"]],
        URI=key,
        Version=None,
    )
    made.hidden = {"key": key}
    return made


def _folder(value: Any) -> str:
    path = text(value) or "\\"
    return path if path.endswith("\\") else path + "\\"


@cmdlet("Register-ScheduledTask")
def register(call: Call) -> Iterator[PSObject]:
    if call.get("Xml") is not None:
        raise NotModelledError("Register-ScheduledTask -Xml")
    with _errors(call):
        if not call.session.identity.administrator:
            raise tasks.TaskError(0x80070005, "Access is denied.", "PermissionDenied")
        objects = given_objects(call)
        given: PSObject | None = objects[0] if objects else None
        if given is not None and not isinstance(given, PSObject):
            raise tasks.TaskError(0x80070057, "The parameter is incorrect.", "InvalidArgument")
        name, path = text(call.get("TaskName")), _folder(call.get("TaskPath"))
        if not name:
            raise tasks.TaskError(0x80070057, "The parameter is incorrect.", "InvalidArgument")
        key = tasks.key_of(path, name)
        if tasks.get(call.machine, key) is not None and not call.get("Force"):
            raise tasks.TaskError(0x800700B7, "Cannot create a file when that file already exists.", "ResourceExists")
        document = _definition(call, given) | {"name": name, "path": path}
        tasks_of = call.machine.collection("task")
        if key in tasks_of:
            tasks.stop(call.machine, key)
        tasks_of[key] = document
        tasks.arm(call.machine, key)
        yield _task_object(call, key, document)


def _definition(call: Call, given: PSObject | None) -> Document:
    """What was asked for, from the parameters or from a New-ScheduledTask object."""

    def part(parameter: str, name: str) -> Any:
        value = call.get(parameter)
        return value if value is not None or given is None else given.get(name)

    actions = [
        {
            "id": action.get("Id"),
            "execute": text(action.get("Execute")),
            "arguments": action.get("Arguments"),
            "directory": action.get("WorkingDirectory"),
        }
        for action in as_list(part("Action", "Actions"))
    ]
    if not actions:
        raise tasks.TaskError(0x80070057, "The parameter is incorrect.", "InvalidArgument")
    triggers = [trigger.hidden for trigger in as_list(part("Trigger", "Triggers"))]
    for trigger in triggers:
        tasks.check_repetition(trigger)
    settings: PSObject | None = part("Settings", "Settings")
    user, password, logon, level = _account(call, part("Principal", "Principal"))
    return {
        "actions": actions,
        "triggers": triggers,
        "user": user,
        "password": password,
        "logon_type": logon,
        "run_level": level,
        "settings": dict((settings or default_settings()).properties),
        "description": part("Description", "Description"),
        "author": call.session.identity.user,
        "date": call.machine.world.clock.now().isoformat(),
        "enabled": settings is None or bool(settings.get("Enabled", True)),
        "state": "Ready",
        "last_run": None,
        "last_result": tasks.NEVER_RUN,
    }


def _account(call: Call, principal: PSObject | None) -> tuple[str, str | None, str, str]:
    """User, password, log-on type and run level of a new task."""
    level = (
        text(call.get("RunLevel")) or (text(principal.get("RunLevel")) if principal is not None else "") or "Limited"
    )
    level = proper(LEVEL.members, level)
    asked = text(principal.get("LogonType")) if principal is not None else "None"
    if asked in ("S4U", "Group"):
        raise NotModelledError(f"scheduled tasks of the log-on type {asked}")
    user = text(call.get("User")) or (text(principal.get("UserId")) if principal is not None else "")
    password = None if call.get("Password") is None else text(call.get("Password"))
    full = tasks.check_account(call.machine, user or call.session.identity.user, password)
    if is_system(full):
        return full, None, "ServiceAccount", level
    if password is None and (text(call.get("User")) or asked in ("Password", "ServiceAccount")):
        raise tasks.TaskError(tasks.LOGON_FAILURE, "The user name or password is incorrect.", "AuthenticationError")
    return full, password, "Interactive" if password is None else "Password", level


def _found(call: Call) -> list[tuple[str, Document]]:
    """The tasks that names, paths or objects mean; a plain name that does not exist is an error."""
    everything = call.machine.collection("task")
    objects = given_objects(call)
    if objects:
        keys = [item.hidden["key"] if isinstance(item, CimInstance) else "" for item in objects]
        return [(key, everything[key]) for key in keys if key in everything]
    names, paths = texts(call.get("TaskName")), [_folder(path) for path in texts(call.get("TaskPath"))]
    chosen = []
    for key, task in everything.items():
        if names and not any(matches(name, task["name"]) for name in names):
            continue
        if paths and not any(matches(path, task["path"]) for path in paths):
            continue
        chosen.append((key, task))
    known = {task["name"].lower() for _, task in chosen}
    for name in names:
        if not has_wildcard(name) and name.lower() not in known:
            call.runtime.write_error(not_found(call, "MSFT_ScheduledTask", "TaskName", name))
    return chosen


@cmdlet("Get-ScheduledTask")
def get_task(call: Call) -> Iterator[PSObject]:
    for key, task in _found(call):
        yield _task_object(call, key, task)


@cmdlet("Get-ScheduledTaskInfo")
def get_info(call: Call) -> Iterator[PSObject]:
    with _errors(call):
        for key in _keys(call):
            task = tasks.get(call.machine, key)
            if task is None:
                raise tasks.TaskError(
                    tasks.FILE_NOT_FOUND, "The system cannot find the file specified.", "ObjectNotFound"
                )
            yield instance(
                "MSFT_TaskDynamicInfo",
                LastRunTime=local_time(task["last_run"]) if task["last_run"] else None,
                LastTaskResult=SizedInt(task["last_result"], "UInt32"),
                NextRunTime=None,
                NumberOfMissedRuns=0,
                TaskName=task["name"],
                TaskPath=task["path"],
            )


def _keys(call: Call) -> list[str]:
    objects = given_objects(call)
    if objects:
        return [item.hidden["key"] for item in objects if isinstance(item, CimInstance)]
    return [tasks.key_of(_folder(call.get("TaskPath")), text(call.get("TaskName")))]


def _allowed(call: Call) -> None:
    if not call.session.identity.administrator:
        raise tasks.TaskError(0x80070005, "Access is denied.", "PermissionDenied")


@cmdlet("Start-ScheduledTask")
def start_task(call: Call) -> None:
    with _errors(call):
        _allowed(call)
        for key in _keys(call):
            tasks.start(call.machine, key)


@cmdlet("Stop-ScheduledTask")
def stop_task(call: Call) -> None:
    with _errors(call):
        _allowed(call)
        for key in _keys(call):
            tasks.stop(call.machine, key)


@cmdlet("Enable-ScheduledTask")
def enable(call: Call) -> Iterator[PSObject]:
    yield from _enable(call, enabled=True)


@cmdlet("Disable-ScheduledTask")
def disable(call: Call) -> Iterator[PSObject]:
    yield from _enable(call, enabled=False)


def _enable(call: Call, *, enabled: bool) -> Iterator[PSObject]:
    with _errors(call):
        _allowed(call)
        for key in _keys(call):
            if tasks.get(call.machine, key) is None:
                raise tasks.TaskError(
                    tasks.FILE_NOT_FOUND, "The system cannot find the file specified.", "ObjectNotFound"
                )
            task = call.machine.collection("task").change(key, enabled=enabled)
            yield _task_object(call, key, task)


@cmdlet("Unregister-ScheduledTask")
def unregister(call: Call) -> Iterator[PSObject]:
    """Ends a running instance as well (unproven: Windows may let it finish)."""
    found = _found(call)
    if found and "Confirm" not in call.bound and not call.get("WhatIf"):
        raise prompt_refused(call)
    with _errors(call):
        _allowed(call)
        for key, task in found:
            if call.get("WhatIf"):
                continue
            tasks.stop(call.machine, key)
            tasks.disarm(call.machine, key)
            del call.machine.collection("task")[key]
            if call.get("PassThru"):
                yield _task_object(call, key, task)
