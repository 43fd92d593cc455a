"""Language models behind endpoints: one client, one log of replies, one budget, and a mock server."""
