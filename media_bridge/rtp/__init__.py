"""RTP and RTCP for the video line: packets, statistics, reordering, SRTP, and the sockets."""
