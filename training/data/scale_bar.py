"""Where the scale bar is: the microscope writes there, and no cell is read."""

TOP_PX, LEFT_PX = 196, 164
"""In the public set every bar and its label lie right of and below this, in a field of 224 x 224: seen on contact
sheets of all classes. Bars differ between microscopes and so between classes: left visible, they are a clue."""
