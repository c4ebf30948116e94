"""Raw requests by topic, each with what becomes of it (faults catalogue, A; P12)."""
