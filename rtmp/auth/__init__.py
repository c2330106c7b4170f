"""Authentication in `connect` as the servers of Adobe and Limelight ask for it."""
