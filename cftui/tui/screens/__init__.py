"""Screens, a file each."""
