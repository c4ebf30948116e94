"""Tests: they mirror the tree of targon_gw."""
