"""What a model is worth: its answers on folds, their metrics, what they may rest on, and the documents that say so."""
