"""Media between an RTMP leg and the pjmedia conference bridge: codecs, queues, ports."""
