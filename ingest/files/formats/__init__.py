"""Formats of logger files, a module each: how a file is recognised, and what its header says."""
