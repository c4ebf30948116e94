"""Tests of targon_gw/settings."""
