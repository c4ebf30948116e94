"""What the vendor sees: our agent and its connections, the carrier of calls, the probes."""
