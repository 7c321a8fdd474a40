"""The workplace in the browser: files in, a grid of fields, one of them large. It speaks to this process by HTTP."""
