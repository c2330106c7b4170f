"""Asyncio shell of the RTMP library: it moves bytes and nothing else."""
