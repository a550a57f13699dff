"""What a server of the lab shows to a client before any log-on: an old build of SQL Server, a bad certificate.

``winrm.listener_certificate`` does the same for a listener of WinRM.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.authority import Authority, Issued
from lab.sql import service
from lab.sql.installation import installed
from lab.testing.handle import AnyLab, inside

__all__ = ["Authority", "Issued", "sql_server"]


@contextmanager
def sql_server(
    lab: AnyLab, machine: str, *, issued: Issued | None = None, build: tuple[int, int, int] | None = None
) -> Iterator[None]:
    """SQL Server of a machine has another certificate, or is of another build, meanwhile; connections are cut, as by a
    restart. 11.0.3000 (SP1) speaks TLS 1.0 only. Raises KeyError for a machine without SQL Server."""
    world = inside(lab)
    here = world.machine(machine)
    found = installed(here)
    if found is None:
        raise KeyError(machine)
    kept = dict(found.document)
    found.change(**({"certificate": list(issued)} if issued else {}), **({"build": list(build)} if build else {}))
    service.reopen(world, here)
    try:
        yield
    finally:
        here.collection("sql-instance")[found.instance] = {
            **found.document,
            "certificate": kept.get("certificate"),
            "build": kept.get("build"),
        }
        service.reopen(world, here)
