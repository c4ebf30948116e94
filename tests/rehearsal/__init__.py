"""Tests of the vendor in a box: what it puts on the wire, byte by byte, in memory."""
