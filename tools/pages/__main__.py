"""``python -m tools.pages`` writes every generated page, picture and stack file; tests say when one is stale."""

from __future__ import annotations

from components.topology import load
from operations.picture.design import render
from tools.bootstrap.design import Design
from tools.bootstrap.project import ROOT
from tools.pages import designs, resources, stacks, topology

resources.FILE.write_text(resources.render(), encoding="utf-8")
topology.FILE.write_text(topology.render(), encoding="utf-8")
designs.FOLDER.mkdir(parents=True, exist_ok=True)
for file in designs.designs():
    designs.picture_of(file).write_text(render(load(file)), encoding="utf-8")
designs.README.write_text(designs.in_readme(designs.README.read_text(encoding="utf-8")), encoding="utf-8")
for design in (Design(file.stem) for file in designs.designs()):
    stacks.file(design).write_text(stacks.render(design, load(ROOT / design.topology)), encoding="utf-8")
