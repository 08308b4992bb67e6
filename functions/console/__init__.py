"""The console: the pages on which people answer customers and set the hub up."""
