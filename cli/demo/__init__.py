"""The demonstration: a station of simulated probes on measured data, and all it needs."""
