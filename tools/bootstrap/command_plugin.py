"""The plugin of pulumi-command: the real one where it can be downloaded, else the stand-in from the lab."""

from __future__ import annotations

import shutil

from tools.bootstrap.project import PULUMI_HOME, ROOT, lab_environment, pinned
from tools.bootstrap.stage import StageError, quiet, say, stage

_STAND_IN = ROOT / "tools" / "bootstrap" / "pulumi-resource-command"
_SECONDS = 15


def command_plugin() -> None:
    """Guarantees that the CLI has a plugin for pulumi-command of the version in requirements.txt."""
    version = pinned("pulumi-command")
    if (PULUMI_HOME / "plugins" / f"resource-command-v{version}").exists():
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
            say("   a stand-in is used instead: lab/command_plugin.py. Remove .tools to try the download again.")
            quiet([*install, "--file", str(_STAND_IN)], lab_environment(), timeout_seconds=_SECONDS)
