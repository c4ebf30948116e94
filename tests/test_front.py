"""What people look at, wired."""
