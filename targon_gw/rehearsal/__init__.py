"""A vendor in a box: Targon's habits, OpenAI's manners, and every fault of a vendor by name."""
