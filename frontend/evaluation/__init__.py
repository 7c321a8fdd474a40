"""What a model's card tells of its evaluation: read, put into words, drawn."""
