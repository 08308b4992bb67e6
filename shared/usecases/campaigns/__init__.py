"""One message to many customers."""
