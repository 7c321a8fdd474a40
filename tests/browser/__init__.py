"""A package, so that what its fixtures hold, Playwright's event loop among it, ends with its last test."""
