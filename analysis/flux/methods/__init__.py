"""Gradient, closed forms and inverse, with their intervals."""
