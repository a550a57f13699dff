"""The portal's nodes: software, configuration, operators, plan, tenant site."""
