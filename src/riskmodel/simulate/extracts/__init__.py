"""One writer for each layout that the agencies hand over."""
