"""Devices: profiles, what this machine is, will-it-fit estimates. Imports bundle and core."""
