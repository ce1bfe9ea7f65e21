"""Readings on their way in and out: instruments, decoders, collector, forwarder, simulation."""
