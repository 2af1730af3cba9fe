"""One file for each wire format; one seam that translates errors."""
