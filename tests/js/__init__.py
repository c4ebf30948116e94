"""Tests of the pages' scripts, run by node's own test runner."""
