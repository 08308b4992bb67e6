"""Reading WhatsApp's messages as its web clients write them in JSON: what Evolution and our own socket both bring."""
