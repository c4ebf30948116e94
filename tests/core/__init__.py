"""Tests of the core: no Twisted, no sockets, no clock."""
