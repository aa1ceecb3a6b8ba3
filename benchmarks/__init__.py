"""Ratios against peers, measured side by side in one run. Run by hand: `python -m benchmarks.projection`."""
