"""What ``dlcx train`` is made of: its nets, where they train, and what is told of it."""
