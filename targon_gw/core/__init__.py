"""The core decides: given facts and the time, it answers with a step; it never waits, opens, reads a clock or logs."""
