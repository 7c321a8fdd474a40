"""A measured model into an environment, by evidence alone, and back again. See docs/promotion.md."""
