"""Contract cases: what this program believes about Windows and SQL Server, each as something that can be tried.

The cases are data (``*.yaml``). The test suite runs them against the lab, ``operations doctor --contract MACHINE``
against a machine. Each undoes what it did.
"""
