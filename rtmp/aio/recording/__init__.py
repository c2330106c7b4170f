"""Records streams to files, and plays them. What blocks runs in threads."""
