"""Tests with real processes and sockets, on loopback."""
