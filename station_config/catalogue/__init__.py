"""Probes as data files."""
