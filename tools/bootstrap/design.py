"""The designs that come up on the lab: each has a topology, a stack and a lab directory of its own.

So one design's farm and lab stay as they are while another one is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.bootstrap.project import ROOT
from tools.bootstrap.stage import StageError

FIRST = "single-domain"
"""The design whose stack and lab have the plain names ``dev`` and ``.lab``."""


@dataclass(frozen=True)
class Design:
    """A design by its name, the name of its topology file."""

    name: str
    """That of its file in ``topologies/``, without ``.yaml``."""

    @property
    def topology(self) -> str:
        return f"topologies/{self.name}.yaml"

    @property
    def stack(self) -> str:
        return f"dev{self._suffix}"

    @property
    def lab(self) -> str:
        """The directory in which its lab keeps its state."""
        return f".lab{self._suffix}"

    @property
    def _suffix(self) -> str:
        return "" if self.name == FIRST else f"-{self.name}"

    def environment(self) -> dict[str, str]:
        """What ``pulumi`` and ``python -m lab`` in a shell of the lab take for their defaults."""
        return {
            "LAB_DIRECTORY": str(ROOT / self.lab),
            "LAB_TOPOLOGY": str(ROOT / self.topology),
            "LAB_DESIGN": self.name,
        }

    @classmethod
    def all(cls) -> list[Design]:
        """Every design that can come up on the lab: those with a topology and a stack file for the lab."""
        found = [cls(file.stem) for file in sorted((ROOT / "topologies").glob("*.yaml"))]
        return [design for design in found if (ROOT / f"Pulumi.{design.stack}.yaml").exists()]

    @classmethod
    def named(cls, name: str) -> Design:
        """Raises StageError for a design that is not there, with those that are."""
        design, known = cls(name), cls.all()
        if design not in known:
            names = ", ".join(one.name for one in known)
            files = f"it needs {design.topology} and Pulumi.{design.stack}.yaml"
            raise StageError(f"There is no DESIGN={name} for the lab ({files}). Choose one of {names}.")
        return design

    @classmethod
    def others(cls, design: Design) -> list[Design]:
        """The other ones that have had a lab here, also where their topology has gone since."""
        names = [FIRST, *(folder.name.removeprefix(".lab-") for folder in sorted(ROOT.glob(".lab-*")))]
        return [cls(name) for name in names if name != design.name]
