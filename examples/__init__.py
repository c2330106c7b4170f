"""Small programs around the gateway, written to be read and copied."""
