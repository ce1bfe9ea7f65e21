"""Tidy tables in and out."""
