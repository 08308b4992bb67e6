"""From a provider's webhook to stored messages."""
