"""Measured figures, side by side with the bare model calls of the same run: machines differ and are noisy, ratios are less so.

``python -m benchmarks`` runs all of them; each module is also a command of its own. JSON on standard output, a table on standard error.
"""
