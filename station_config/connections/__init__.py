"""Kinds of connection, one module each: its table, its models of instrument, its rules, its words."""
