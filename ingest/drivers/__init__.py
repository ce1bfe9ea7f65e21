"""Instruments by the way they are read."""
