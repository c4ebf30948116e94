"""Tests of what the client sees."""
