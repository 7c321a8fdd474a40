"""What the page says of each part, made from its result file alone."""
