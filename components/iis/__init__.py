"""IIS on a machine: the bindings of sites and their certificates."""
