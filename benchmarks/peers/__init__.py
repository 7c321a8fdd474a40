"""The same task by other means, each in an environment of its own, with its versions pinned."""
