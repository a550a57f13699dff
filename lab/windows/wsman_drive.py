"""The drive ``WSMan:``, as far as the quotas of remote shells go: ``WSMan:\\localhost\\Shell``.

Names and defaults: Microsoft, "about_WSMan_Provider" and `winrm get winrm/config` of WinRM 3.0. A quota is shown as it
is configured; what of it Windows enforces is another matter (KB2842230), and the lab enforces none of these.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.powershell.api import Drive, NotModelledError, PSObject, Session, drive

_SHELL = {
    "AllowRemoteShellAccess": "true",
    "IdleTimeout": "7200000",
    "MaxConcurrentUsers": "10",
    "MaxShellRunTime": "2147483647",
    "MaxProcessesPerShell": "25",
    "MaxMemoryPerShellMB": "1024",
    "MaxShellsPerUser": "30",
}


def _setting(session: Session, name: str) -> PSObject | None:
    written = next((known for known in _SHELL if known.lower() == name.lower()), None)
    if written is None:
        return None
    configured = session.machine.collection("winrm").get("shell") or {}
    return PSObject(
        "Microsoft.WSMan.Management.WSManConfigLeafElement",
        {
            "Name": written,
            "SourceOfValue": "",
            "Value": str(configured.get(written, _SHELL[written])),
            "TypeNameOfElement": "System.String",
        },
        text="Microsoft.WSMan.Management.WSManConfigLeafElement",
    )


def _shell_part(path: str) -> list[str]:
    parts = [part for part in path.split("\\") if part]
    if [part.lower() for part in parts[:2]] != ["localhost", "shell"]:
        raise NotModelledError(f"WSMan:\\{path}")
    return parts[2:]


@drive("WSMan")
class WSManDrive(Drive):
    def item(self, session: Session, path: str) -> PSObject | None:
        rest = _shell_part(path)
        if len(rest) != 1:
            raise NotModelledError(f"WSMan:\\{path} as an item")
        return _setting(session, rest[0])

    def children(self, session: Session, path: str) -> Iterator[PSObject]:
        if _shell_part(path):
            raise NotModelledError(f"what is below WSMan:\\{path}")
        for name in _SHELL:
            found = _setting(session, name)
            assert found is not None
            yield found
