"""The private key of a certificate that is removed goes as well: without -DeleteKey it stays among the machine's."""

from __future__ import annotations

import base64
from pathlib import Path

from components.steps import load_script
from components.windows import pfx
from lab.testing.worlds import close, small_world
from remote.secret import Secret
from tests.components.certificates import PASSWORD, write_pfx
from tests.components.sql.in_process import Servers

KEYS = r"@(Get-ChildItem $env:ProgramData\Microsoft\Crypto\RSA\MachineKeys).Count"


def test_it_goes_with_its_key(tmp_path: Path) -> None:
    file = write_pfx(tmp_path / "portal.pfx", "portal.hyper-v.nu")
    thumbprint = pfx.read(file, Secret(PASSWORD), ["portal.hyper-v.nu"]).thumbprint
    world = small_world(tmp_path / "lab")
    node = Servers(world).powershell("Portal1")
    (before,) = node.run(KEYS, attempted="count")
    content = base64.b64encode(file.read_bytes()).decode()
    node.run(load_script("windows/import_certificate.ps1"), {"Pfx": content, "Password": PASSWORD}, attempted="import")
    assert node.run(KEYS, attempted="count") == [before + 1]
    node.run(load_script("windows/remove_certificate.ps1"), {"Thumbprint": thumbprint}, attempted="remove")
    assert node.run(KEYS, attempted="count") == [before]
    close(world)
