"""Dialogs: typed modal screens, a file each."""
