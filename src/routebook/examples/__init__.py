"""Tools to begin with: weather, news, and search of the web and of documentation. Each names its service and the variable of its key.

[tools.weather]
python = "routebook.examples.weather:weather"
"""
