"""Audio codecs of the media bridge."""
