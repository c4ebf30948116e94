"""The rooms that face the vendor, in memory."""
