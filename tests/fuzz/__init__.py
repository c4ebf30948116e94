"""Parsers under arbitrary bytes."""
