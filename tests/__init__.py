"""The tests. A package of its own name, because a library (linkpreview) installs one called `tests`, too."""
