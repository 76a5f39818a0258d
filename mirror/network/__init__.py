"""Counterparts: nodes, clusters, pinning services, gateways. None is believed; each one's faults carry its name."""
