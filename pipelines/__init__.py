"""Beam wiring: one thin transform per step around a bertdata function, and the runners."""

import logging

# Importing Beam logs a warning and, where nothing is set up, puts a handler on stderr for good. A root handler that
# drops everything, in place before that import, keeps Beam silent; `-v` adds a real one.
if not logging.getLogger().handlers:
    logging.getLogger().addHandler(logging.NullHandler())
    # What bertdata itself warns of is for the user's eyes.
    if logging.lastResort is not None:
        logging.getLogger("bertdata").addHandler(logging.lastResort)
