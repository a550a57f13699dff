"""A whole lab in this process: every machine of a topology, on its loopback addresses, until it is stopped.

Clients reach it on the wire, and ``python -m lab`` finds it in its directory, as any other. A test that changes it
behind the machines' backs (an edition, a share's rights), or looks at its state, gives ``world`` to the functions of
the other modules.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lab import boot, state
from lab.control import Control
from lab.testing.authority import share_authority
from lab.testing.clients import odbc_driver
from lab.testing.handle import Lab, inside
from lab.testing.snapshot import accounts
from lab.testing.worlds import TOPOLOGY

__all__ = ["Farm", "Lab"]


class Farm:
    """The machines of a topology file. State lies in ``directory`` and survives ``stop``; without a directory it is in
    a temporary one that ``stop`` removes. ``pace`` is the length of modelled durations, 1 for real time.

    Ports below 1024 need root or a network of the process's own (``lab.testing.isolation``).
    """

    world: Lab
    """For the other modules of ``lab.testing``, from ``start`` to ``stop``."""

    def __init__(
        self, topology: Path = TOPOLOGY, directory: Path | None = None, pace: float = boot.DEFAULT_PACE
    ) -> None:
        self.topology = topology
        """The file; it is read by ``start``."""
        self.pace = pace
        """The length of modelled durations: 1 is real time, 0.02 a fiftieth of it, 0 none at all."""
        self._temporary = directory is None
        self.directory = Path(tempfile.mkdtemp(prefix="lab-")) if directory is None else directory
        """Where the state lies: documents, the machines' files, the authority, the log."""
        self._control: Control | None = None

    def start(self, by_hand: Sequence[Path] = ()) -> None:
        """Returns when everything listens. ``by_hand`` are files of what was done by hand in a fresh lab
        (docs/lab.md), one after the other. Raises LabError, TopologyError or OSError where a port is not free."""
        entries = [entry for file in by_hand for entry in state.read(file)]
        share_authority(self.directory)
        world = boot.build(self.topology, self.directory, self.pace)
        self.world = Lab(world)
        try:
            boot.start(world, entries)
            self._control = Control(world, self.directory)
        except BaseException:
            boot.stop(world)
            world.close()
            raise

    def stop(self) -> None:
        """Nothing listens any more. Harmless when nothing runs."""
        if self._control is not None:
            self._control.close()
            self._control = None
            boot.stop(inside(self.world))
            inside(self.world).close()
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def authority(self) -> Path:
        """The file of the authority that clients have to trust."""
        return self.directory / "authority" / "ca.pem"

    def address(self, machine: str) -> str:
        """Where a machine listens, such as 127.21.5.121. Raises KeyError for an unknown machine."""
        return inside(self.world).machine(machine).loopback

    def use_sql_logins(self, machine: str, sa_password: str) -> None:
        """What an administrator does by hand on a machine so that SQL logins may log on: mixed mode, sa enabled with a
        password, a restart of SQL Server. Raises LabError with the server's refusal, such as of a weak password."""
        password = sa_password.replace("'", "''")
        mode = r"N'HKEY_LOCAL_MACHINE', N'Software\Microsoft\MSSQLServer\MSSQLServer', N'LoginMode', REG_DWORD, 2"
        sa = f"ALTER LOGIN sa WITH PASSWORD = N'{password}'; ALTER LOGIN sa ENABLE"
        steps = [
            state.Entry("use_sql_logins", machine, sql=f"{sa}; EXEC xp_instance_regwrite {mode}"),
            state.Entry("use_sql_logins", machine, powershell="Restart-Service MSSQLSERVER -Force"),
        ]
        state.carry_out(inside(self.world), steps)

    # What clients need ------------------------------------------------------------------------------------------

    def winrm(self, machine: str) -> str:
        """The endpoint of a machine's WinRM service, for pywinrm. The certificate is for the machine's full name."""
        return f"https://{self.address(machine)}:5986/wsman"

    def credentials(self, account: str = "installer", domain: str = "hyper-v.nu") -> tuple[str, str]:
        """``HYPERVNU\\installer`` and its password: an administrator of every machine in the domain, unless another
        account is named. Raises KeyError for an unknown one."""
        netbios = {one["name"]: one["netbios"] for one in inside(self.world).topology["domains"]}
        return rf"{netbios[domain]}\{account}", accounts(domain)[account].password

    def odbc(self, machine: str) -> str:
        """A connection string for Microsoft's driver, without a login; the server's certificate is checked against the
        authorities in the file that SSL_CERT_FILE names when the process connects for the first time."""
        here = inside(self.world).machine(machine)
        return f"DRIVER={odbc_driver()};SERVER={here.loopback};HostNameInCertificate={here.fqdn}"
