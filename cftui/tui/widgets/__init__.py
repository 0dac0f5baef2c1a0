"""Widgets, a file each; they receive data and post messages."""
