"""``iisreset``."""

from __future__ import annotations

from lab.powershell.api import NotModelledError, ProgramResult, Session, program
from lab.windows import services

_DENIED = (
    "Access denied, you must be an administrator of the remote computer to use this",
    "command. Either have your user account added to the administrator local group",
    "of the remote computer or to the domain administrator global group.",
)


@program("iisreset.exe")
def iisreset(session: Session, arguments: list[str]) -> ProgramResult:
    """Stop and start W3SVC. /stop, /start and /restart; without an argument it restarts."""
    wanted = [argument.lower().lstrip("/-") for argument in arguments]
    wanted = [word for word in wanted if word not in ("noforce", session.machine.name.lower())]
    action = wanted[0] if wanted else "restart"
    if action not in ("stop", "start", "restart") or len(wanted) > 1:
        raise NotModelledError(f"iisreset {' '.join(arguments)}")
    if not session.identity.administrator:
        return ProgramResult(("", *_DENIED), exit_code=5)
    lines: list[str] = []
    if action in ("stop", "restart"):
        services.stop(session.machine, "W3SVC")
        lines += ["", "Attempting stop...", "Internet services successfully stopped"]
    if action in ("start", "restart"):
        services.start(session.machine, "W3SVC")
        lines += [] if action == "restart" else [""]
        done = "restarted" if action == "restart" else "started"
        lines += ["Attempting start...", f"Internet services successfully {done}"]
    return ProgramResult(tuple(lines))
