"""Many calls: a supervisor that listens, and workers that each have a pjsua2 endpoint of their own."""
