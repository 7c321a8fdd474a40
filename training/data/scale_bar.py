"""Where the scale bar is: the microscope writes there, and no cell is read."""

from training.data.labels import INPUT_SIDE_PX

TOP_PX, LEFT_PX = 196, 164
"""In the public set every bar and its label lie right of and below this, in a field of 224 x 224: seen on contact
sheets of all classes. Bars differ between microscopes and so between classes: left visible, they are a clue."""
CORNER = (slice(TOP_PX, INPUT_SIDE_PX), slice(LEFT_PX, INPUT_SIDE_PX))
"""Rows and columns of the corner at this size."""
SAME_IN_DUPLICATES = (0.91, 0.80)
"""Rows and columns beyond these shares of a field of any size: what the search for near-duplicates leaves out. A part
of the corner; with all of it, two fields of the public set change their group, and with them published folds."""
