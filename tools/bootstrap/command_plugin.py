"""The plugin of pulumi-command: the real one where it can be downloaded, else the stand-in (``command_stand_in``)."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.bootstrap.project import PULUMI_HOME, ROOT, lab_environment, pinned
from tools.bootstrap.stage import StageError, quiet, say, stage

_STAND_IN = ROOT / "tools" / "bootstrap" / "pulumi-resource-command"
_SECONDS = 15


def command_plugin() -> None:
    """Guarantees that the CLI has a plugin for pulumi-command of the version in requirements.txt."""
    version = pinned("pulumi-command")
    folder = PULUMI_HOME / "plugins" / f"resource-command-v{version}"
    if folder.exists():
        _renew(folder / _STAND_IN.name)
        return
    with stage(f"Plugin of pulumi-command {version}"):
        pulumi = shutil.which("pulumi", path=lab_environment()["PATH"])
        if pulumi is None:
            raise StageError("The Pulumi CLI is not there, though its stage ended well; look at .tools/bin.")
        install = [pulumi, "plugin", "install", "resource", "command", version]
        try:
            quiet(install, lab_environment(), timeout_seconds=_SECONDS)
        except StageError as error:
            say(f"   it cannot be downloaded ({str(error).splitlines()[-1][:160]})")
            say("   a stand-in is used instead: tools/bootstrap/command_stand_in.py.")
            say("   Remove .tools to try the download again.")
            quiet([*install, "--file", str(_STAND_IN)], lab_environment(), timeout_seconds=_SECONDS)


def _renew(program: Path) -> None:
    """A stand-in that was installed before its program moved would not find it; the real plugin is no script."""
    if program.exists() and program.read_bytes()[:2] == b"#!" and program.read_bytes() != _STAND_IN.read_bytes():
        shutil.copyfile(_STAND_IN, program)
