"""The pages in Debian's Chromium, as people see them."""
