"""Series on common times, as arrays."""
