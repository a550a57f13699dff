"""What must hold between the values of a topology. Each check is a function; ``CHECKS`` has all of them."""

from components.topology.checks import lost, names, network, portal, product, spf, sql
from components.topology.problem import Check

CHECKS: tuple[Check, ...] = (
    *names.CHECKS,
    *network.CHECKS,
    *sql.CHECKS,
    *spf.CHECKS,
    *portal.CHECKS,
    *product.CHECKS,
    *lost.CHECKS,
)
