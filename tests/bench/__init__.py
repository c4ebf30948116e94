"""The bench measures what it says, and says what it measured."""
