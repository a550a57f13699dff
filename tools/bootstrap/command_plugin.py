"""The plugin of pulumi-command: the real one where it can be downloaded, else the stand-in from the lab."""

from __future__ import annotations

import shutil

from tools.bootstrap.project import BIN, PULUMI_HOME, ROOT, environment, pinned
from tools.bootstrap.stage import StageError, quiet, say, stage

_STAND_IN = BIN / "pulumi-resource-command"
_SECONDS = 15


def command_plugin() -> None:
    """Guarantees that the CLI finds a plugin for pulumi-command of the version in requirements.txt."""
    version = pinned("pulumi-command")
    if _STAND_IN.exists() or (PULUMI_HOME / "plugins" / f"resource-command-v{version}").exists():
        return
    with stage(f"Plugin of pulumi-command {version}"):
        pulumi = shutil.which("pulumi", path=environment()["PATH"])
        if pulumi is None:
            raise StageError("The Pulumi CLI is not there, though its stage ended well; look at .tools/bin.")
        try:
            quiet([pulumi, "plugin", "install", "resource", "command", version], environment(), timeout=_SECONDS)
        except StageError as error:
            say(f"   it cannot be downloaded ({str(error).splitlines()[-1][:160]})")
            say("   a stand-in is used instead: lab/command_plugin.py. Remove .tools to try the download again.")
            _STAND_IN.parent.mkdir(parents=True, exist_ok=True)  # not there where the CLI was found on PATH
            _STAND_IN.write_bytes((ROOT / "tools" / "bootstrap" / "stand-in.sh").read_bytes())
            _STAND_IN.chmod(0o755)
