"""The command line: one thin module per command."""

__version__ = "0.1.0"
