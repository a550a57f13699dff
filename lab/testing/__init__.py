"""The lab's public API: what code outside ``lab`` may import. Nothing here is imported by the lab itself.

| module | what a test gets |
|---|---|
| ``farm`` | a whole lab in this process |
| ``worlds`` | a small one, of which nothing listens; the topologies that come with the lab |
| ``winrm``, ``tds`` | one wire alone, with a stand-in of the test's own behind it |
| ``power``, ``faults`` | machines and cables, broken and slow calls, a record of every call |
| ``changes`` | what was altered while no client looked, and back |
| ``network``, ``sql``, ``windows``, ``portal`` | what no client sees or brings about, part by part |
| ``snapshot`` | everything that a lab knows: documents, files, accounts |
| ``clients`` | what clients need beside an address |
| ``authority`` | one certification authority for all labs of a process |
| ``isolation`` | a loopback network of its own for every process that runs tests |
| ``process`` | whether a lab runs in a directory |

A lab is given to them as ``handle.Lab``, which ``farm.Farm.world`` and ``worlds.small_world`` are.

Modules are imported one by one: ``isolation`` and ``process`` need no package beyond Python itself.
"""
