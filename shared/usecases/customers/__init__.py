"""People across all channels, and joining two of them."""
