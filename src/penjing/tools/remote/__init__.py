"""Servers of the Model Context Protocol: strangers whose tools may be used, and never believed."""
