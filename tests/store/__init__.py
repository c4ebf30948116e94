"""The store: what the disk sees."""
