"""Where software comes from: what is missing is said at once, and nothing is looked at when it is not needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from components.portal.software_source import SoftwareSourceFacts, SoftwareSourceInputs, SoftwareSourceResource
from components.steps import WaitFor, load_script
from remote.hosts import Host
from remote.secret import Secret
from tests.components import worlds
from tests.components.contract import actual, refusal
from tests.remote import task_scripts

FEED = r"\\FILE\WebPI\feeds\latest\webproductlist.xml"


def entry(name: str, *needs: str, missing: tuple[str, ...] = ()) -> dict[str, Any]:
    """An entry of a feed, as the machine tells it."""
    return {"id": name, "needs": list(needs), "missing": list(missing)}


class TestSoftwareSource:
    resource = SoftwareSourceResource()
    inputs = worlds.SOFTWARE_SOURCE.parsed()

    def seen(self, inputs: SoftwareSourceInputs, found: dict[str, Any], features: tuple[str, ...] = ()) -> list[str]:
        """What is missing, when the machine answers this to the script that looks at the source."""
        machine = _Machine({"features": list(features), "packages": [], "pending": []}, found)
        return list(self.resource.observe(inputs, machine).missing)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("found", "expected"),
        [
            ({}, []),
            (
                {"installer": False},
                [r"the Web Platform Installer (it is not in C:\Program Files\Microsoft\Web Platform Installer)"],
            ),
            (
                {"error": "Access to the path is denied.", "entries": []},
                [rf"the offline feed {FEED}, which X\me cannot read (Access to the path is denied)"],
            ),
            ({"entries": []}, [f"the product {name} (the feed {FEED} has no such entry)" for name in ("One", "Two")]),
            # Of what a product needs, at any distance and in a circle; of other products nothing.
            (
                {
                    "entries": [
                        entry("one", "Part", "Unknown"),
                        entry("Two", "PART"),
                        entry("part", "Two", "Deep", missing=("p.msi",)),
                        entry("Deep", missing=("d1.msi", "d2.msi")),
                        entry("Other", missing=("o.msi",)),
                    ]
                },
                [f"the installer {file} (the feed names it)" for file in ("p.msi", "d1.msi", "d2.msi")],
            ),
            (
                {"installer": False, "entries": [entry("One", missing=("1.msi",))]},
                [
                    r"the Web Platform Installer (it is not in C:\Program Files\Microsoft\Web Platform Installer)",
                    f"the product Two (the feed {FEED} has no such entry)",
                    "the installer 1.msi (the feed names it)",
                ],
            ),
        ],
    )
    def test_a_feed(self, found: dict[str, Any], expected: list[str]) -> None:
        inputs = self.inputs.model_copy(update={"feed": FEED, "products": ("One", "Two")})
        whole = {
            "installer": True,
            "folder": r"C:\Program Files\Microsoft\Web Platform Installer",
            "error": "",
            "entries": [entry("One"), entry("Two")],
        }
        assert self.seen(inputs, whole | found) == expected

    @pytest.mark.parametrize(
        ("found", "expected"),
        [
            ({"readable": True, "missing": []}, []),
            (
                {"readable": True, "missing": ["a.msi", "b.msi"]},
                [rf"the package {name} (it is not in \\F\S)" for name in ("a.msi", "b.msi")],
            ),
            (
                {"readable": False, "missing": ["a.msi", "b.msi"]},
                [r"the folder \\F\S (it is not there, or X\me cannot read it)"],
            ),
        ],
    )
    def test_a_folder(self, found: dict[str, Any], expected: list[str]) -> None:
        msi = {"source": "msi", "folder": r"\\F\S", "packages": ("a.msi", "b.msi")}
        assert self.seen(self.inputs.model_copy(update=msi), found) == expected

    def test_nothing_is_looked_at_when_all_is_installed(self) -> None:
        assert self.seen(self.inputs, {}, features=("adminapi", "Other")) == []
        with pytest.raises(KeyError):
            self.seen(self.inputs, {}, features=("other",))

    @pytest.mark.parametrize("feed", ["", "https://webpi.example/feed.xml"])
    def test_a_feed_that_is_not_on_a_disk_is_the_installers_to_read(self, feed: str) -> None:
        inputs = self.inputs.model_copy(update={"feed": feed})
        assert self.seen(inputs, {"installer": True, "entries": []}) == []

    def test_all_that_is_missing_is_one_error(self) -> None:
        facts = SoftwareSourceFacts(("the package a.msi (it is not in F)", "the package b.msi (it is not in F)"))
        (step,) = self.resource.plan(self.inputs, facts)
        assert isinstance(step.action, WaitFor)
        waiting_for = step.action.waiting_for
        assert refusal(lambda: waiting_for(facts)) == (
            "Portal1: see that everything that the portal's software is installed from is there: missing are the "
            "package a.msi (it is not in F); the package b.msi (it is not in F). Nothing was touched yet. Put it "
            "there, or correct `portal.software` in the topology, and run `pulumi up` again."
        )
        assert waiting_for(SoftwareSourceFacts(())) == ""
        assert actual(self.resource, self.inputs, facts)["state"].startswith("without the package a.msi")


class _Machine:
    """A remote with one machine, which has these features and answers the task's script so."""

    machine = "Portal1"
    prelude = ""

    def __init__(self, features: dict[str, Any], found: dict[str, Any]) -> None:
        self.hosts = {"Portal1": Host("Portal1", "portal1.x", "127.0.0.1", r"X\me", Secret("only-for-tests"))}
        self.answers = {
            load_script("portal/read_software.ps1"): [features],
            task_scripts.START: [],
            task_scripts.REMOVE: [],
        }
        self.description, self.result = "", json.dumps({"error": "", "output": [found]})

    def powershell(self, _: str) -> _Machine:
        return self

    def run(self, script: str, arguments: Mapping[str, Any] | None = None, **_: Any) -> list[Any]:
        if script == task_scripts.READ:
            there, result = bool(self.description), self.result if self.description else None
            state = {"state": "Ready", "lastResult": 0, "progress": "", "description": self.description}
            return [{**state, "there": there, "result": result, "rights": "", "attributes": ""}]
        if script == task_scripts.START and arguments:
            self.description = arguments["Description"]
        return self.answers[script]
