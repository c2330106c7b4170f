"""One stream of a client, published or played, kept up over as many connections as that takes."""
