"""Pictures as SVG: a design of ``docs/designs``, and the same with the state of each machine for the report."""
