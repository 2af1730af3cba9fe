"""The books as a tidy frame, and the frame as charts."""
