"""InfluxDB: sink, reader, comparison."""
