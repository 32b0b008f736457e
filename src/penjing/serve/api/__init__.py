"""Penjing's own API, which the web page uses. One file for each noun."""
