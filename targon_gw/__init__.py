"""targon-gw: an OpenAI-compatible gateway over many keys of an AI-model vendor."""
