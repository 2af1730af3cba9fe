"""IPython and ipywidgets: magics, views, completion."""
