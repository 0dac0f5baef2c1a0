"""The cockpit for asynchronous VM actions."""

__version__ = "0.2.0"
