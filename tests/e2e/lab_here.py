"""A farm whose lab runs in this very process, and the program's resources one by one, without Pulumi.

For tests that have to change the lab behind the machines' backs (an edition, a share's rights, a certificate), or that
call providers as the engine does, only sooner. The wire is the real one: WinRM, TDS and HTTPS on loopback addresses;
the real CLI reaches this lab as it reaches any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from components import settings
from components.resource import FarmResource, Resource, lease
from components.resource.pulumi_adapter import Adapter
from lab.testing import farm as lab
from remote.logons import LOG_ONS
from tests.components import program
from tests.e2e.farm import PACE, SECRETS, Farm, Result

_SECRET = "4dabf18193072939515e22adb298388d"
"""The key that marks a value as special in Pulumi's protocol (pulumi/pulumi: sdk/go/common/resource, ``SigKey``)."""


class FarmHere(Farm):
    """A ``Farm`` whose lab is ``world``, in this process."""

    _lab: lab.Farm | None = None

    @property
    def world(self) -> lab.Lab:
        """The lab's, while it runs."""
        assert self._lab is not None, "the lab runs"
        return self._lab.world

    def start_lab(self, pace: str = PACE, by_hand: Sequence[Path] = ()) -> None:
        """``by_hand`` are the files of what was done by hand, one after the other."""
        moved = []
        for file in by_hand:
            moved.append(self.folder / file.name)
            moved[-1].write_text(self.moved(file.read_text(encoding="utf-8")), encoding="utf-8")
        self._lab = lab.Farm(self.topology, self.lab_folder, float(pace))
        self._lab.start(moved)
        self.configure_load_balancer()

    def stop_lab(self) -> None:
        lease.give_back()
        if self._lab is not None:
            self._lab.stop()

    def up(self) -> Result:
        """As always; and since it may have repaired a login, the providers of this process may try it again."""
        done = super().up()
        LOG_ONS.forget(*self.remote.hosts.sql_servers)
        return done

    # What the program is told ----------------------------------------------------------------------------------

    def settings(self, **changed: Any) -> str:
        """What a provider gets in ``configure``, changed by what a test wants wrong."""
        values: dict[str, Any] = {
            "topology": str(self.topology),
            "hosts": self.hosts,
            "credentials": self.credentials,
            "authorities": str(self.lab_folder / "authority" / "ca.pem"),
            "sqlAdministratorPassword": SECRETS["sqlAdministratorPassword"],
            **changed,
        }
        return settings.connection_settings(values.get)

    def pieces(self) -> dict[str, Piece]:
        """Every resource of the program by name, in the order in which the farm makes them."""
        config = {
            "hosts": self.hosts,
            "credentials": json.loads(self.settings())["credentials"],
            "authorities": str(self.lab_folder / "authority" / "ca.pem"),
            "certificates": {
                name: {"file": str(self.lab_folder / "certificates" / f"{name}.pfx"), "password": SECRETS["pfx"]}
                for name in self.certificates
            },
            **{key: SECRETS[key] for key in ("sqlAdministratorPassword", "passphrase", "spfAccountPassword")},
        }
        with pytest.MonkeyPatch.context() as patch:
            found = program.run(self.folder, patch, self.topology, **config)
        kinds = {kind.__name__: kind.implementation for kind in _subclasses(FarmResource)}
        pieces = {}
        for one in found.resources:
            kind = one.type.rpartition(":")[2]
            if one.type.startswith("pulumi-python:dynamic") and kind in kinds:
                fields = kinds[kind].INPUTS.model_fields
                inputs = {key: _plain(value) for key, value in one.inputs.items() if key in fields}
                after = frozenset(other.name for other in found.resources if other.urn in found.before(one))
                pieces[one.name] = Piece(one.name, kinds[kind], inputs, self.settings(), after)
        return pieces


@dataclass(frozen=True)
class Piece:
    """One resource of the program: what the engine knows of it."""

    name: str
    kind: type[Resource[Any, Any]]
    inputs: Mapping[str, Any]
    settings: str
    after: frozenset[str]
    """The names of all resources and components that come before it."""

    def but(self, **changed: Any) -> Piece:
        """The same with other inputs."""
        return replace(self, inputs={**self.inputs, **changed})

    def reported(self, settings: str) -> Piece:
        """The same in a stack with another configuration."""
        return replace(self, settings=settings)

    def provider(self) -> Adapter:
        """A provider as it is after ``configure``, at a moment of its own."""
        settings.remote(self.settings).looks.forget()  # the engine asks once in a process; tests change the lab between
        return Adapter(self.kind, connection=self.settings)

    def create(self) -> dict[str, Any]:
        """Check and create, as the engine does; gives the outputs."""
        provider = self.provider()
        checked = provider.check({}, dict(self.inputs))
        assert not checked.failures, [failure.reason for failure in checked.failures]
        return dict(provider.create(checked.inputs).outs or {})

    def delete(self, outs: Mapping[str, Any]) -> None:
        self.provider().delete("", dict(outs))

    def update(self, outs: Mapping[str, Any]) -> dict[str, Any]:
        """Check and update from these outputs, as the engine does; gives the new outputs."""
        provider = self.provider()
        checked = provider.check(dict(outs), dict(self.inputs))
        assert not checked.failures, [failure.reason for failure in checked.failures]
        return dict(provider.update("its id", dict(outs), checked.inputs).outs or {})

    def drift(self, outs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that ``read`` finds otherwise than they were given: {name: (given, found)}."""
        provider = self.provider()
        given = provider.check({}, dict(self.inputs)).inputs
        read = provider.read("its id", dict(outs))
        if not read.id:
            return {"the whole thing": ("there", "gone")}
        found = read.inputs or {}
        return {key: (value, found.get(key)) for key, value in given.items() if found.get(key) != value}


def _plain(value: Any) -> Any:
    """A value without the envelope in which Pulumi marks a secret."""
    return value["value"] if isinstance(value, dict) and _SECRET in value else value


def _subclasses(kind: type[FarmResource[Any]]) -> list[type[FarmResource[Any]]]:
    return [sub for direct in kind.__subclasses__() for sub in (direct, *_subclasses(direct))]


def of_the_stack(farm: Farm, piece: Piece) -> Piece:
    """The same resource, made for the stack that the CLI manages."""
    outputs = [
        one["outputs"] for one in farm.export()["deployment"]["resources"] if one["type"].endswith(":StackIdentity")
    ]
    (stack,) = outputs
    owner = {"stack": stack["stack"], "identity": stack["identity"], "resource": piece.name}
    return piece.but(__owner=owner)
