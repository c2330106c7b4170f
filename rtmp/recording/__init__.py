"""Streams as FLV files: what to write, what is where, how far a player is. No I/O, no clock."""
