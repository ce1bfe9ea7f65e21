"""Simulated instruments: slaves on pseudo-terminals and a node on MQTT that replay measured data."""
