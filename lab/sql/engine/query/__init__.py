"""Queries and expressions: names bound to columns, types inferred, rows computed in Python."""
