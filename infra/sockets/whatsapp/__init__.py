"""WhatsApp accounts that were paired as linked devices: a process for each session, and what looks after it."""
