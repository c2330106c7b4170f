"""Live streams, from one publisher to many players. No I/O, no clock: `rtmp.aio` moves the bytes."""
