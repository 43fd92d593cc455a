"""Kinds of things that a page shows, one file each, registered by name."""
