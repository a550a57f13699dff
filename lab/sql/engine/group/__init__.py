"""Availability groups: their documents, how data moves to the other replicas, and who is the primary."""
