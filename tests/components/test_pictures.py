"""The pictures of the designs and the README's table: whole, in order, and as the topologies are now."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from components.topology import load
from operations.picture.design import Mark, render
from tools.pages import designs

HERE = Path(__file__).resolve().parent
AGAIN = "run: .venv/bin/python -m tools.pages"
every = pytest.mark.parametrize(
    "file", [*designs.designs(), *sorted((HERE / "topologies").glob("*.yaml"))], ids=lambda file: file.stem
)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]


@pytest.mark.parametrize("file", designs.designs(), ids=lambda file: file.stem)
def test_a_picture_is_up_to_date(file: Path) -> None:
    drawn = designs.FOLDER / f"{file.stem}.svg"
    assert drawn.exists(), AGAIN
    assert drawn.read_text(encoding="utf-8") == render(load(file)), AGAIN


def test_no_picture_is_left_of_a_design_that_went() -> None:
    assert {file.stem for file in designs.FOLDER.iterdir()} == {file.stem for file in designs.designs()}


def test_the_readme_has_every_design() -> None:
    readme = designs.README.read_text(encoding="utf-8")
    assert readme == designs.in_readme(readme), AGAIN


@every
def test_everything_of_the_topology_is_in_the_picture(file: Path) -> None:
    topology = load(file)
    said = " ".join(texts(render(topology)))
    names = [topology.name, topology.listener_fqdn, topology.sql.group, topology.spf.name]
    names += [name for domain in topology.domains for name in (domain.name, str(domain.subnet))]
    names += [text for machine in topology.machines for text in (machine.name, str(machine.address))]
    names += [str(topology.sql.listener.address), str(topology.spf.address)]
    names += [
        text for tier in topology.portal.tiers for text in (tier.front.name, str(tier.front.address), *tier.roles)
    ]
    names += [f"open from {flow.source} to {flow.target}: TCP {flow.port}" for flow in topology.flows]
    assert [name for name in names if name not in said] == []
    assert said.count("asynchronous") == sum(replica.commit == "asynchronous" for replica in topology.sql.replicas)


@every
@pytest.mark.parametrize("marked", [False, True], ids=["plain", "marked"])
def test_boxes_lie_inside_or_beside_each_other(file: Path, marked: bool) -> None:
    topology = load(file)
    marks = {machine.name: Mark("soft", "? not checked") for machine in topology.machines if marked}
    root = ElementTree.fromstring(render(topology, marks))
    found = [element for element in root.iter() if element.tag.endswith("rect")]
    keys = ("x", "y", "width", "height")
    boxes = [tuple(int(element.get(key, "0")) for key in keys) for element in found]
    edges = [(x, y, x + width, y + height) for x, y, width, height in boxes]
    for one, other in combinations(edges, 2):
        beside = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        inside = one[0] <= other[0] and one[1] <= other[1] and other[2] <= one[2] and other[3] <= one[3]
        assert beside or inside, (one, other)


def test_a_machine_is_marked_by_frame_and_by_text() -> None:
    topology = load(designs.designs()[0])
    plain, marked = render(topology), render(topology, {"SQL2": Mark("ink", "✕ wrong"), "PORTAL9": Mark("ink", "no")})
    said = texts(plain)
    address = said.index("172.21.5.122") + 1
    assert texts(marked) == [*said[:address], "✕ wrong", *said[address:]]
    assert len(framed(marked)) == 1
    assert framed(plain) == []


def framed(svg: str) -> list[str]:
    """The boxes with a thick frame."""
    return re.findall('<rect .*stroke-width="2"', svg)


def test_what_a_picture_says_is_data() -> None:
    topology = load(designs.designs()[0])
    svg = render(topology, {"SQL2": Mark("ink", "<script>\x1b[2J&")}, title="</title><script>", kind='"><script>')
    assert "<script>" not in svg
    assert r"<script>\x1b[2J&" in texts(svg)


@every
def test_the_same_topology_gives_the_same_bytes(file: Path) -> None:
    assert render(load(file)) == render(load(file))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# One farm. More of it.\nname: a", "One farm."),
        ("# Over two\n# lines, once.\n", "Over two lines, once."),
    ],
)
def test_what_a_design_is_for_is_its_first_sentence(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    assert designs.purpose(file) == said
