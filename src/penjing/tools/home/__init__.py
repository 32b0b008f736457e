"""Devices of a house, whatever they speak: MQTT in several dialects, or Home Assistant."""
