"""RTMP protocol library: a sans-I/O server and client, and an asyncio shell around them (`rtmp.aio`)."""
