"""What the client sees: HTTP in and out. It decides nothing that the core can decide, and never talks to a vendor."""
