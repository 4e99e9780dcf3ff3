"""Bundles of software from which new kiosks are installed."""
