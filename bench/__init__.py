"""What Dragoman costs, withstands and can carry: measurements, drills and the load tester (`dragoman bench`)."""

import ingress  # noqa: F401  # NumPy stays on one core, as there
