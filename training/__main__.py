"""``python -m training COMMAND``."""

import os
import sys

# TensorFlow's C++ side would report its own start-up between the lines of a progress bar.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from training.cli import listen, main

listen()
sys.exit(main())
