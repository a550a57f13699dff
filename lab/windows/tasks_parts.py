"""The parts of a scheduled task as objects: actions, triggers, principals, settings, a task not yet registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from lab.powershell.api import Call, NotModelledError, PSObject, cmdlet
from lab.windows.cim import CimInstance
from lab.windows.logons import is_system
from lab.windows.values import enum_type, member, text, utc
from lab.world import Document

NAMESPACE = "Root/Microsoft/Windows/TaskScheduler"
GENERATED = "Microsoft.PowerShell.Cmdletization.GeneratedTypes.ScheduledTask"
STATE = enum_type(f"{GENERATED}.StateEnum", "Unknown", "Disabled", "Queued", "Ready", "Running")
LOGON = enum_type(
    f"{GENERATED}.LogonTypeEnum", "None", "Password", "S4U", "Interactive", "Group", "ServiceAccount",
    "InteractiveOrPassword",
)  # fmt: skip
KINDS = {"AtStartup": "Boot", "Once": "Time"}
"""Triggers by their kind, as the classes of WMI name them."""
LEVEL = enum_type(f"{GENERATED}.RunLevelEnum", "Limited", "Highest")


def instance(class_name: str, **properties: Any) -> CimInstance:
    return CimInstance(NAMESPACE, class_name, properties)


@cmdlet("New-ScheduledTaskAction")
def new_action(call: Call) -> Iterator[PSObject]:
    yield instance(
        "MSFT_TaskExecAction",
        Id=call.get("Id"),
        Arguments=call.get("Argument"),
        Execute=text(call.get("Execute")),
        WorkingDirectory=call.get("WorkingDirectory"),
    )


@cmdlet("New-ScheduledTaskTrigger")
def new_trigger(call: Call) -> Iterator[PSObject]:
    for kind in ("Daily", "Weekly", "AtLogOn"):
        if call.get(kind):
            raise NotModelledError(f"New-ScheduledTaskTrigger -{kind}")
    if call.get("RandomDelay") is not None:
        raise NotModelledError("New-ScheduledTaskTrigger -RandomDelay")
    interval, duration = call.get("RepetitionInterval"), call.get("RepetitionDuration")
    if (interval is None) != (duration is None):
        raise NotModelledError("New-ScheduledTaskTrigger with one of -RepetitionInterval and -RepetitionDuration alone")
    document = {
        "kind": "AtStartup" if call.get("AtStartup") else "Once",
        "at": utc(call.get("At")).isoformat() if call.get("At") is not None else None,
        "enabled": True,
    }
    if interval is not None:
        second = timedelta(seconds=1)
        document |= {"interval": interval // second, "duration": duration // second}
    yield trigger_object(document)


def trigger_object(document: Document) -> CimInstance:
    """A trigger as New-ScheduledTaskTrigger makes it and Get-ScheduledTask shows it. One without a repetition has an
    empty pattern (unproven)."""
    seconds = [document.get(key) for key in ("interval", "duration")]
    interval, duration = (None if one is None else _duration(timedelta(seconds=one)) for one in seconds)
    made = instance(
        f"MSFT_Task{KINDS[document['kind']]}Trigger",
        Enabled=document.get("enabled", True),
        EndBoundary=None,
        ExecutionTimeLimit=None,
        Id=None,
        Repetition=instance(
            "MSFT_TaskRepetitionPattern", Duration=duration, Interval=interval, StopAtDurationEnd=False
        ),
        StartBoundary=document["at"],
    )
    made.hidden = document
    return made


@cmdlet("New-ScheduledTaskPrincipal")
def new_principal(call: Call) -> Iterator[PSObject]:
    if call.get("GroupId") is not None:
        raise NotModelledError("New-ScheduledTaskPrincipal -GroupId")
    user = text(call.get("UserId"))
    logon = text(call.get("LogonType")) or ("ServiceAccount" if is_system(user) else "None")
    yield instance(
        "MSFT_TaskPrincipal2",
        DisplayName=None,
        GroupId=None,
        Id=text(call.get("Id")) or "Author",
        LogonType=member(LOGON, proper(LOGON.members, logon)),
        RunLevel=member(LEVEL, proper(LEVEL.members, text(call.get("RunLevel")) or "Limited")),
        UserId=user,
    )


def proper(names: Iterable[str], wanted: str) -> str:
    return next(name for name in names if name.lower() == wanted.lower())


@cmdlet("New-ScheduledTaskSettingsSet")
def new_settings(call: Call) -> Iterator[PSObject]:
    yield _settings(call.get)


def default_settings() -> CimInstance:
    """The settings of a task that is registered without any (the defaults of the Task Scheduler's schema)."""
    return _settings(lambda _name, default=None: default)


def _settings(get: Callable[..., Any]) -> CimInstance:
    def span(parameter: str, default: str | None) -> str | None:
        value = get(parameter)
        return default if value is None else _duration(value)

    return instance(
        "MSFT_TaskSettings3",
        AllowDemandStart=not get("DisallowDemandStart"),
        AllowHardTerminate=not get("DisallowHardTerminate"),
        Compatibility=text(get("Compatibility")) or "Vista",
        DeleteExpiredTaskAfter=span("DeleteExpiredTaskAfter", None),
        DisallowStartIfOnBatteries=not get("AllowStartIfOnBatteries"),
        Enabled=not get("Disable"),
        ExecutionTimeLimit=span("ExecutionTimeLimit", "PT72H"),
        Hidden=bool(get("Hidden")),
        MultipleInstances=text(get("MultipleInstances")) or "IgnoreNew",
        Priority=get("Priority", 7),
        RestartCount=get("RestartCount", 0),
        RestartInterval=span("RestartInterval", None),
        StartWhenAvailable=bool(get("StartWhenAvailable")),
        StopIfGoingOnBatteries=not get("DontStopIfGoingOnBatteries"),
        WakeToRun=bool(get("WakeToRun")),
    )


def _duration(value: Any) -> str:
    """A time span as XML Schema writes a duration: days, hours, minutes, seconds."""
    seconds = int(value.total_seconds()) if isinstance(value, timedelta) else None
    if seconds is None:
        return text(value)
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (left, "S")) if number)
    return f"P{f'{days}D' if days else ''}{f'T{parts}' if parts else ''}" if seconds else "PT0S"


def as_list(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
