"""Platforms of institutes: readings in their words, by HTTP, MQTT or as daily files."""
