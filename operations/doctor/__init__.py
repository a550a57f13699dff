"""``python -m operations doctor``: will ``up`` work on these machines? It reads, and changes nothing.

One module for each part of the question: ``reach``, ``machine``, ``sql``, ``portal``.
"""
