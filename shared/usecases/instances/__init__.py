"""A business's accounts at providers: creating, configuring, connecting, watching."""
