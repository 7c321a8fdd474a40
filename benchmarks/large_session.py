"""A day's fields in one session: 500 photographs of 2 to 12 megapixels, and the page's memory at its highest."""
