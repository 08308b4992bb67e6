"""The Forge dialect's settings and its look at another hub."""
