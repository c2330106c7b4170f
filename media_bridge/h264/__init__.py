"""H.264 between FLV and RTP, without touching the pictures: NAL units, access units, RFC 6184 payloads."""
