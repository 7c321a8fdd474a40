"""What is learnt from: labelled fields, their classes and groups."""
