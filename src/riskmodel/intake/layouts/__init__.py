"""One module for each agency's delivery: its files, fields, codes, rules and events, as data."""
