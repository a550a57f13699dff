"""What the Web Server role brings: the services WAS and W3SVC, DefaultAppPool and the Default Web Site on port 80.

Source: Microsoft, "Installing IIS 8 on Windows Server 2012". Removing the role takes the services away; the
configuration stays on the disk on the real machine and here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import files
from lab.windows import features, iis, services

if TYPE_CHECKING:
    from lab.world import Machine

DEFAULT_SITE = "Default Web Site"
DEFAULT_POOL = "DefaultAppPool"
ROOT = ("inetpub", "wwwroot")


@features.on_installed("Web-WebServer")
def web_server_installed(machine: Machine) -> None:
    """Services run, the default site is there and started; ``lab.windows.iis_http.start_page`` answers for it."""
    services.add(machine, "WAS", "Windows Process Activation Service", start_type="Manual")
    services.add(machine, "W3SVC", "World Wide Web Publishing Service", depends_on=("WAS",))
    machine.collection("apppool").setdefault(DEFAULT_POOL, {"name": DEFAULT_POOL, "state": "Started"})
    sites = machine.collection("site")
    if DEFAULT_SITE not in sites:
        number = max((int(site["id"]) for site in sites.values()), default=0) + 1
        sites[DEFAULT_SITE] = {
            "name": DEFAULT_SITE,
            "id": number,
            "state": "Started",
            "path": "%SystemDrive%\\inetpub\\wwwroot",
            "pool": DEFAULT_POOL,
            "auto_start": True,
            "bindings": [{"protocol": "http", "address": "*", "port": 80, "host": "", "flags": 0}],
        }
    files.resolve(machine.world, machine, "C:\\", "NT AUTHORITY\\SYSTEM", False).joinpath(*ROOT).mkdir(
        parents=True, exist_ok=True
    )
    iis.refresh(machine.world, machine)


@features.on_removed("Web-WebServer")
def web_server_removed(machine: Machine) -> None:
    for name in ("W3SVC", "WAS"):
        if services.get(machine, name) is not None:
            services.stop(machine, name)
            del machine.collection("service")[name]
    iis.stop_machine(machine)
