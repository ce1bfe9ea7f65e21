"""What moves bytes: serial lines, MQTT."""
