"""Installs the clients of the client tests into a folder: ``python -m lab.client_tests.install FOLDER``.

Each through the ordinary client of its registry. A client whose registry or tool is not at hand is named, and its test
is skipped.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def steps(folder: Path) -> dict[str, list[list[str]]]:
    """The commands that install each kind of client."""
    python = str(folder / "python" / "bin" / "python")
    return {
        "python": [
            [sys.executable, "-m", "venv", str(folder / "python")],
            [python, "-m", "pip", "install", "--quiet", "-r", str(HERE / "requirements.txt")],
        ],
        "go": [["go", "build", "-C", str(folder / "go"), "-o", "client", "."]],
        "node": [["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder / "node")]],
        "java": [
            [
                *["mvn", "-q", "-B", "-f", str(folder / "java" / "pom.xml"), "dependency:copy-dependencies"],
                f"-DoutputDirectory={folder / 'java' / 'lib'}",
            ]
        ],
    }


def install(folder: Path) -> list[str]:
    """Install all; the names of those that could not be."""
    failed = []
    for name, commands in steps(folder).items():
        if (HERE / name).is_dir():
            shutil.copytree(HERE / name, folder / name, dirs_exist_ok=True)
        for command in commands:
            try:
                subprocess.run(command, check=True)
            except (OSError, subprocess.CalledProcessError) as error:
                print(f"The {name} client cannot be installed: {error}", file=sys.stderr)
                failed.append(name)
                break
    return failed


if __name__ == "__main__":
    install(Path(sys.argv[1]))
