"""Puts a measured model into an environment, by evidence alone, and takes it back. See docs/promotion.md."""
