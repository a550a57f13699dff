"""The Windows services that a machine needs after its next start, too."""

from __future__ import annotations

from collections.abc import Iterable

from components.steps import load_script
from operations.configuration import Context
from operations.row import expect
from remote.names import folded


class Services:
    """Each runs, and starts with its machine."""

    def __init__(self, context: Context, machine: str, names: Iterable[str], manual: Iterable[str] = ()) -> None:
        """``names`` are services by their ``Name`` (Win32_Service); ``manual`` those that another service starts."""
        self.context, self.machine, self.names, self.manual = context, machine, tuple(names), frozenset(manual)

    def __call__(self) -> str:
        wanted = [*self.names, *self.manual]
        found = self.context.remote.powershell(self.machine).run(
            load_script("windows/read_services.ps1"), {"Names": wanted}, attempted="read its services"
        )
        there = {folded(service["name"]): service for service in found}
        wrong = []
        for name in wanted:
            service = there.get(folded(name))
            if service is None:
                wrong.append(f"there is no service {name}")
                continue
            if service["state"] != "Running":
                wrong.append(f"the service {name} is {service['state'].lower()}")
            if service["mode"] != "Auto" and not (name in self.manual and service["mode"] == "Manual"):
                wrong.append(f"the service {name} does not start with the machine ({service['mode']})")
        return expect(wrong, f"{', '.join(wanted)} {'run' if len(wanted) > 1 else 'runs'}")
