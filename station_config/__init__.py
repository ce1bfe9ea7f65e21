"""What a station is: models of the station file, its loader, the variables and the catalogue of probes."""
