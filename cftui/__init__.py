"""The cockpit for asynchronous VM actions."""

__version__ = "0.1.0"
