"""The window that a beat is looked at in, in samples at 180 Hz around its R peak."""

__all__ = ["AFTER", "BEFORE", "MARGIN", "WAIT", "WINDOW"]

BEFORE = 60  # 0.33 s before the R peak, P wave and all
AFTER = 50  # and 0.28 s after it, into the T wave; the delay bound of 0.5 s allows no more
MARGIN = 5  # on either side by which a window may be moved to align it
WINDOW = BEFORE + AFTER + 2 * MARGIN
WAIT = AFTER + MARGIN  # from a peak to the end of its window
