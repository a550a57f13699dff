"""Restarting and shutting down from a script: Restart-Computer, shutdown.exe."""

from __future__ import annotations

import threading

from lab import machines
from lab.powershell.api import Call, NotModelledError, PowerShellError, ProgramResult, Session, cmdlet, program
from lab.windows.logons import administers, managed
from lab.windows.misc import resolve
from lab.windows.values import texts
from lab.world import Machine

GRACE_SECONDS = 2.0
"""Modelled time between the order and the first service that stops: the caller still gets its answer."""


def order(machine: Machine, *, restart: bool, after_seconds: float = GRACE_SECONDS) -> None:
    """Have a machine go down (and come up again) soon; returns at once."""

    def act() -> None:
        machine.world.clock.sleep(after_seconds)
        (machines.restart if restart else machines.stop)(machine.world, machine)

    threading.Thread(target=act, name=f"power of {machine.name}", daemon=True).start()


def _targets(call: Call) -> list[Machine]:
    found = []
    for name in texts(call.get("ComputerName")) or ["."]:
        if name.lower() in (".", "localhost", call.machine.name.lower(), call.machine.fqdn):
            found.append(call.machine)
            continue
        if resolve(call.machine.world, name) is None:
            call.runtime.write_error(
                PowerShellError(
                    f"Computer name {name} cannot be resolved with the exception: No such host is known.",
                    "AddressResolutionException,Microsoft.PowerShell.Commands.RestartComputerCommand",
                    category="InvalidArgument",
                    exception_type="System.InvalidOperationException",
                    target=name,
                )
            )
            continue
        machine = managed(call, name)
        if machine is None or not administers(call.session, machine):
            reason = (
                "The RPC server is unavailable. (Exception from HRESULT: 0x800706BA)"
                if machine is None
                else "Access is denied. (Exception from HRESULT: 0x80070005 (E_ACCESSDENIED))"
            )
            raise PowerShellError(
                f"Failed to restart the computer {name} with the following error message: {reason}.",
                f"RestartcomputerFailed,Microsoft.PowerShell.Commands.{call.name.replace('-', '')}Command",
                category="OperationStopped",
                exception_type="System.InvalidOperationException",
                target=name,
            )
        found.append(machine)
    return found


def _power(call: Call, *, restart: bool) -> None:
    if call.get("Wait"):
        raise NotModelledError(f"{call.name} -Wait")
    if call.get("Credential") is not None:
        raise NotModelledError(f"{call.name} -Credential")
    if not call.session.identity.administrator:
        raise PowerShellError(
            "Privilege not held.",
            f"{call.name.replace('-', '')}Failed,Microsoft.PowerShell.Commands.{call.name.replace('-', '')}Command",
            category="PermissionDenied",
            exception_type="System.UnauthorizedAccessException",
        )
    for machine in _targets(call):
        if not call.get("WhatIf"):
            order(machine, restart=restart)


@cmdlet("Restart-Computer")
def restart_computer(call: Call) -> None:
    _power(call, restart=True)


@program("shutdown.exe")
def shutdown(session: Session, arguments: list[str]) -> ProgramResult:
    """``/r`` or ``/s`` with ``/t seconds``, ``/f``, ``/d reason`` and ``/c comment``."""
    if not session.identity.administrator:
        return ProgramResult(error=("Access is denied.(5)",), exit_code=5)
    words = [word.lower().replace("-", "/", 1) if word[:1] == "-" else word.lower() for word in arguments]
    after, position, restart = 30.0, 0, None
    while position < len(words):
        word = words[position]
        if word in ("/r", "/s"):
            restart = word == "/r"
        elif word == "/t" and position + 1 < len(words) and words[position + 1].isdigit():
            position += 1
            after = float(words[position])
        elif word in ("/d", "/c") and position + 1 < len(words):
            position += 1
        elif word != "/f":
            raise NotModelledError(f"shutdown.exe {arguments[position]}")
        position += 1
    if restart is None:
        raise NotModelledError("shutdown.exe without /r or /s")
    order(session.machine, restart=restart, after_seconds=after)
    return ProgramResult()
