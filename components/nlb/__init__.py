"""Network Load Balancing: cluster, nodes, port rules."""
