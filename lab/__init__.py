"""The lab: every machine of a topology on loopback addresses, speaking WinRM, TDS and HTTPS.

It stands in for Windows Server 2012, SQL Server 2012 and Windows Azure Pack where none is at hand. It knows nothing
of the Pulumi program: the two meet only on the wire. ``docs/lab.md`` says what is modelled and from which source.
"""

__version__ = "0.1.0"
